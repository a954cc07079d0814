"""The rooms of the portal that somebody has a right for, in the order in which one comes by them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from registration.values import Acteur
from registration.vocabulary import Offre, TypeActeurInscrit


@dataclass(frozen=True, slots=True)
class Action:
    """A room: its address, its name, what one does there; it is for ``everybody``, or for who may request something."""

    address: str
    name: str
    text: str
    everybody: bool = False


_ACTIONS = (
    Action(
        "/demander", "Demander", "Commander un certificat : un bénéficiaire ou une application, une clé, une demande."
    ),
    Action("/retirer", "Retirer", "Prendre possession des certificats signés, avant leur date limite."),
    Action("/suivi", "Suivre", "Retrouver demandes, certificats et révocations.", everybody=True),
    Action("/renouveler", "Renouveler", "Remplacer à temps les certificats qui arrivent à leur fin."),
    Action("/revoquer", "Révoquer", "Mettre fin à un certificat, tout de suite ou à un jour choisi.", everybody=True),
    Action("/lots", "Lots", "Déposer et suivre des milliers de demandes d'un coup."),
    Action(
        "/droits",
        "Mes droits",
        "Structures, offres et domaines ouverts, et ce qui manque.",
        everybody=True,
    ),
)


def actions_of(acteur: Acteur, held: Collection[Offre], paths: Collection[str]) -> list[Action]:
    """Those for which he has a right, among the ``paths`` that there are.

    Whoever bears a certificate follows and revokes it without any habilitation; an application bears none.
    """
    bears = acteur.type_acteur is TypeActeurInscrit.PERSONNE
    return [
        action
        for action in _ACTIONS
        if action.address in paths and (held or (action.everybody and (bears or action.address != "/revoquer")))
    ]
