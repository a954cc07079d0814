"""docs/etats.md, drawn from the state tables: ``python -m registration.reference.etats > docs/etats.md``."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from registration.life.revocations import ENDED, FIRST
from registration.reference import acts, arrows
from registration.rules import states
from registration.vocabulary import (
    LABELS,
    CodeAction,
    EtatAvis,
    EtatDemande,
    EtatImport,
    EtatLot,
    EtatRevocation,
    Motif,
    NatureLot,
    ResultatRevocation,
)

_HEAD = """\
# Les états, et ce qui mène de l'un à l'autre

Cette page est écrite à partir des tables d'états du code (`python -m registration.reference.etats`) ; un test la
compare à celles-ci. Une flèche qui n'y est pas n'existe pas : la table est interrogée à chaque pas. Les codes d'action
sont décrits dans [historique.md](historique.md), les codes d'erreur dans [erreurs.md](erreurs.md).
"""


class _Machine(NamedTuple):
    """One state table: its title, what begins it, its arrows, their sentences, and the actions that take them."""

    title: str
    told: str
    first: Collection[StrEnum]
    table: Mapping[Any, frozenset[Any]]
    sentences: Mapping[arrows.Arrow, str]
    actions: Mapping[arrows.Arrow, list[str]]


def render() -> str:
    """The whole page, Markdown."""
    return "\n".join([_HEAD, *(line for machine in _machines() for line in _drawn(machine)), *_lots(), *_acts()])


def _machines() -> Iterator[_Machine]:
    yield _Machine(
        "Demande", "Enregistrée ne se voit jamais seule : le verdict vient dans la même transaction, sauf pour les "
        "éléments d'un grand lot qui attendent leur page.",
        [EtatDemande.ENREGISTREE], states.DEMANDE, arrows.DEMANDE, _actions_of_demande(),
    )  # fmt: skip
    yield _Machine(
        "Produit", "Avant la signature il n'y a pas de produit ; il naît révoqué quand sa demande a fini pendant qu'on "
        "le signait.",
        sorted(states.FIRST_PRODUIT), states.PRODUIT, arrows.PRODUIT, _actions_of_produit(),
    )  # fmt: skip
    yield _Machine(
        "Demande de révocation", "Une révocation demandée pour un jour garde ce jour (date d'effet) ; le certificat, "
        "l'OCSP et la CRL portent l'instant vrai.",
        [EtatRevocation.ENREGISTREE], states.REVOCATION, arrows.REVOCATION, _ACTIONS_OF_REVOCATION,
    )  # fmt: skip
    yield _Machine(
        "Avis (mails)", "Un avis d'une demande seule commence à A_ENVOYER. Tant qu'un essai peut réussir plus tard, "
        "il y reste.",
        [EtatAvis.TO_GATHER, EtatAvis.TO_SEND], states.AVIS, arrows.AVIS, {},
    )  # fmt: skip
    yield _Machine(
        "Import dans l'annuaire", "Un seul à la fois sur une plateforme.",
        [EtatImport.EN_COURS], states.IMPORT, arrows.IMPORT, {},
    )  # fmt: skip


_ACTIONS_OF_REVOCATION: Mapping[arrows.Arrow, list[str]] = {
    (EtatRevocation.ENREGISTREE, EtatRevocation.VALIDEE): [CodeAction.REVOCATION_RECORDED.value],
    (EtatRevocation.ENREGISTREE, EtatRevocation.NON_TRAITEE): [CodeAction.REVOCATION_NOT_PROCESSED.value],
    (EtatRevocation.VALIDEE, EtatRevocation.CLOSE): [CodeAction.REVOCATION_CLOSED.value],
    (EtatRevocation.VALIDEE, EtatRevocation.NON_TRAITEE): [
        CodeAction.REVOCATION_GIVEN_UP.value,
        CodeAction.REVOCATION_NOT_PROCESSED.value,
    ],
}


def _actions_of_demande() -> dict[arrows.Arrow, list[str]]:
    found: dict[arrows.Arrow, list[str]] = {}
    for action, step in states.STEPS.items():
        for source in step.among if step.etat is not None else ():
            found.setdefault((source, step.etat or source), []).append(action.value)
    return found


def _actions_of_produit() -> dict[arrows.Arrow, list[str]]:
    found: dict[arrows.Arrow, list[str]] = {}
    for action, step in states.STEPS.items():
        for source in step.produits if step.produit is not None else ():
            if source is not None and step.produit is not None:
                found.setdefault((source, step.produit), []).append(action.value)
    return found


def _drawn(machine: _Machine) -> Iterator[str]:
    yield f"## {machine.title}\n\n{machine.told}\n\n```mermaid\nstateDiagram-v2"
    for first in machine.first:
        yield f"    [*] --> {first.value}"
    pairs = [
        (source, target)
        for source in machine.table
        for target in sorted(machine.table[source], key=list(machine.table).index)
    ]
    for source, target in pairs:
        actions = ", ".join(sorted(machine.actions.get((source, target), ())))
        yield f"    {source.value} --> {target.value}" + (f" : {actions}" if actions else "")
    ends = [etat for etat, targets in machine.table.items() if not targets]
    for etat in ends:
        yield f"    {etat.value} --> [*]"
    yield "```\n\n| de | vers | code d'action | ce qui se passe |\n|---|---|---|---|"
    for source, target in pairs:
        actions = ", ".join(sorted(machine.actions.get((source, target), ())))
        yield f"| {source.value} | {target.value} | {actions} | {machine.sentences[source, target]} |"
    named = ", ".join(f"{etat.value}{_label(etat)}" for etat in machine.table)
    yield f"\nÉtats : {named}. Fins : {', '.join(etat.value for etat in ends)}.\n"
    if machine.table is states.REVOCATION:
        yield from _results()


def _label(etat: StrEnum) -> str:
    return f" ({LABELS[etat]})" if etat in LABELS else ""


def _results() -> Iterator[str]:
    yield "| résultat d'une demande de révocation | état à son inscription | état quand son attente finit |"
    yield "|---|---|---|"
    for resultat in ResultatRevocation:
        first, ended = FIRST.get(resultat), ENDED.get(resultat)
        yield f"| {resultat.value} | {first.value if first else ''} | {ended.value if ended else ''} |"
    yield ""


def _lots() -> Iterator[str]:
    yield (
        "## Lot\n\nL'état d'un lot n'est écrit nulle part : il se lit de ceux de ses éléments. Il est "
        f"{EtatLot.EN_COURS.value} tant qu'un élément est dans l'un de ces états, ou attend encore d'être lu, puis "
        f"{EtatLot.TERMINE.value}, et le reste.\n"
    )
    yield f"| nature du lot | {EtatLot.EN_COURS.value} tant qu'un élément est |\n|---|---|"
    for nature in NatureLot:
        etats = sorted(states.PENDING[nature], key=lambda pair: list(EtatDemande).index(pair[0]))
        told = ", ".join(f"{etat.value}{' sans produit' if etat is EtatDemande.TRANSMISE else ''}" for etat, _ in etats)
        yield f"| {nature.value} | {told} |"
    yield ""


def _acts() -> Iterator[str]:
    yield (
        "## Ce que trouve chaque acte\n\nUn retrait n'a pas d'état à lui : il est permis ou non par ceux de la demande "
        "et du produit, comme l'annulation, la révocation (ici immédiate, pour fin d'activité, et pour vol quand la "
        "réponse diffère) et le renouvellement (ici dans sa fenêtre). « oui » : l'acte se fait ; sinon le code du "
        "refus, ou le résultat qui ne change rien. Les droits sont demandés en plus, à chaque acte. Cette table est la "
        "réponse des règles elles-mêmes.\n"
    )
    yield "| demande | produit | | retirer | annuler | révoquer | renouveler |\n|---|---|---|---|---|---|---|"
    for situation in acts.SITUATIONS:
        produit = situation.produit.value if situation.produit else ""
        late = "après la limite du retrait" if situation.is_late else ""
        answers = [acts.withdraw(situation), acts.cancel(situation), _revoked(situation), acts.renew(situation)]
        yield f"| {situation.etat.value} | {produit} | {late} | {' | '.join(answers)} |"
    yield ""


def _revoked(situation: acts.Situation) -> str:
    usual, stolen = acts.revoke(situation), acts.revoke(situation, Motif.VOL)
    return usual if usual == stolen else f"{usual} (vol : {stolen})"


if __name__ == "__main__":
    sys.stdout.write(render())
