"""What docs/erreurs.md says of a code beside its text, and why some codes are not met on a canal."""

from __future__ import annotations

from typing import NamedTuple

from registration.vocabulary import Canal

WHERE = {
    "élément": "une demande du lot, ou la demande du portail",
    "message": "le lot entier, rien n'est enregistré",
    "accès": "l'émetteur",
    "retrait": "",
    "annulation": "",
    "révocation": "",
    "lecture": "",
    "recherche": "",
    "formulaire": "portail seul",
    "clé": "une clé faite dans le navigateur ; portail seul",
    "service": "",
}
"""What is refused, and what that means where the word does not say it."""

# Why a code is not met on the portal.
NO_MESSAGE = "sans objet : le portail ne lit pas de messages"
NO_LOT = "sans objet : le portail ne dépose pas de lot, et une recherche par index ne trouve alors rien"
IN_002 = "sans objet : dit par ERR_IHM_002"
IN_063 = "sans objet : la raison est dite par ERR_IHM_063"
ALWAYS_026 = "sans objet : toujours ERR_IHM_026"
FOR_HIMSELF = "sans objet : sur l'offre PS, le portail demande toujours pour l'acteur lui-même"
RETRAIT = "sans objet : au retrait, la cause est dite par ERR_IHM_013"
ANNULATION = "à venir avec l'écran de l'annulation"
PRODUITS = "à venir avec le suivi des produits"
REVOCATION = "à venir avec l'écran de la révocation"
# Why a code is not met on the web service.
NAMED_AT_ONCE = "sans objet : un message nomme le tiers d'emblée"
WS_020 = "sans objet : dit par ERR_WS_020"
NO_WORKSTATION = "sans objet : aucun poste à vérifier"
WS_026 = "sans objet : toujours ERR_IHM_026"
NO_PRO_SANTE_CONNECT = "sans objet : Pro Santé Connect n'ouvre que le portail"
WITHOUT_LOGIN = "sans objet : par message on s'authentifie"
OWN_KEY = "sans objet : qui passe par messages garde ses clés lui-même"
OWN_CODE = "sans objet : chaque raison a son code"
# On either.
DIRECTORY = "à venir avec la recherche dans l'annuaire"


class Entry(NamedTuple):
    """Where a code is met (words of ``WHERE``), when, and what to do; why not on a canal, empty where it is."""

    where: str
    advice: str
    ws: str = ""
    ihm: str = ""

    @property
    def absent(self) -> dict[Canal, str]:
        """The canals on which it cannot be met, each with the reason."""
        return {canal: why for canal, why in ((Canal.WS, self.ws), (Canal.IHM, self.ihm)) if why}

    @property
    def canaux(self) -> frozenset[Canal]:
        """The canals on which it can be met: as the answer to an act, or as the verdict on a demande made there."""
        return frozenset({Canal.WS, Canal.IHM} - self.absent.keys())
