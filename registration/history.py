"""Build the lines of the history (guide §10, figures 147 and 167). Lines are only ever appended."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from registration.values import Acteur, Origin
from registration.vocabulary import SYSTEM_ACTEUR, Canal, CodeAction, EtatDemande, Offre, TypeActeur
from storage import tables
from storage.bulk import insert_rows


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


def system_line(id_demande: int, now: datetime, action: CodeAction, etat: EtatDemande) -> dict[str, Any]:
    """A step the plateforme takes by itself."""
    return {
        "id_demande": id_demande,
        "canal": Canal.SYSTEM.value,
        "date": now,
        "code_action": action.value,
        "etat": etat.value,
        "type_acteur": TypeActeur.SYSTEME.value,
        "acteur": SYSTEM_ACTEUR,
        "habilitations_acteur": None,
        "administrateur": None,
        "habilitations_administrateur": None,
    }


def designate(acteur: Acteur) -> str:
    """How the history names an acteur: label and national id."""
    return f"{acteur.libelle} ({acteur.id_national})" if acteur.id_national else acteur.libelle


def habilitation_used(offre: Offre, structure: str | None) -> str:
    """The habilitation under which a demande is placed, as the history shows it."""
    if offre is Offre.PS:
        return "Demandeur à titre personnel"
    return f"Administrateur technique {offre.value} {structure}"
