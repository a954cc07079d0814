"""Build the lines of the history (guide §10, figures 147 and 167). Lines are only ever appended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, literal, select
from sqlalchemy.orm import Session

from registration.rules.fields import readable
from registration.slicing import slices
from registration.values import Acteur, Origin
from registration.vocabulary import SYSTEM_ACTEUR, Canal, CodeAction, EtatDemande, Offre, TypeActeur
from storage import tables
from storage.bulk import insert_rows
from storage.types import UtcDateTime

_ACTEUR_LENGTH = 200
_STRUCTURE_LENGTH = 20


def append(session: Session, lines: Iterable[dict[str, Any]]) -> None:
    """Write the lines in one statement."""
    insert_rows(session, tables.Historique, list(lines))


def line(
    id_demande: int, origin: Origin, now: datetime, action: CodeAction, etat: EtatDemande, habilitation: str | None
) -> dict[str, Any]:
    """A step taken by an acteur through his canal."""
    beneficiary = habilitation is not None and habilitation.startswith("Demandeur")
    return {
        "id_demande": id_demande,
        "canal": origin.canal.value,
        "date": now,
        "code_action": action.value,
        "etat": etat.value,
        "type_acteur": (TypeActeur.BENEFICIAIRE if beneficiary else TypeActeur.MANDATAIRE).value,
        "acteur": designate(origin.acteur),
        "habilitations_acteur": habilitation,
        "administrateur": designate(origin.administrateur) if origin.administrateur else None,
        "habilitations_administrateur": None,
    }


def append_system(
    session: Session, numeros: Sequence[int], now: datetime, action: CodeAction, etat: EtatDemande
) -> None:
    """Write one line a demande for a step the plateforme takes by itself; the database makes the rows."""
    demande, historique = tables.Demande, tables.Historique
    fixed = {
        historique.canal: literal(Canal.SYSTEM.value),
        historique.date: literal(now, UtcDateTime()),
        historique.code_action: literal(action.value),
        historique.etat: literal(etat.value),
        historique.type_acteur: literal(TypeActeur.SYSTEME.value),
        historique.acteur: literal(SYSTEM_ACTEUR),
    }
    for part in slices(numeros):
        rows = select(demande.id, *fixed.values()).where(demande.id.in_(part)).order_by(demande.id)
        session.execute(insert(historique).from_select([historique.id_demande, *fixed], rows))


def designate(acteur: Acteur) -> str:
    """How the history names an acteur: label and national id; the label is what is cut when the column is too short."""
    if not acteur.id_national:
        return acteur.libelle
    suffix = f" ({acteur.id_national})"
    return acteur.libelle[: _ACTEUR_LENGTH - len(suffix)] + suffix


def habilitation_used(offre: Offre, structure: str | None) -> str:
    """The habilitation under which a demande is placed, as the history shows it."""
    if offre is Offre.PS:
        return "Demandeur à titre personnel"
    return f"Administrateur technique {offre.value} {readable(structure or '-', _STRUCTURE_LENGTH)}"
