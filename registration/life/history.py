"""Build the lines of the history (guide §10, figures 147 and 167). Lines are only ever appended."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Insert, String, bindparam, insert, literal, select
from sqlalchemy.orm import Session

from registration.rules.rights import Standing
from registration.values import Acteur, Origin
from registration.vocabulary import Canal, CodeAction, EtatDemande, EtatRevocation, TypeActeur
from storage import tables
from storage.bulk import insert_rows, slices
from storage.types import UtcDateTime

_ACTEUR_LENGTH = 200
_FOR_OTHERS = "Agir pour un tiers"
# For a step of the plateforme itself the column is empty (guide figures 147, 167); the type says who it was.
NOBODY = ""


def append(session: Session, lines: Iterable[dict[str, Any]]) -> None:
    """Write the lines in one statement."""
    insert_rows(session, tables.Historique, list(lines))


def line(
    id_demande: int,
    origin: Origin,
    now: datetime,
    action: CodeAction,
    etat: EtatDemande | EtatRevocation,
    standing: Standing,
) -> dict[str, Any]:
    """A step taken by an acteur through his canal, by the right that he has at this moment."""
    return {
        "id_demande": id_demande,
        "canal": origin.canal.value,
        "date": now,
        "code_action": action.value,
        "etat": etat.value,
        "type_acteur": standing.type_acteur.value,
        "acteur": designate(origin.acteur),
        "habilitations_acteur": standing.habilitation,
        "administrateur": designate(origin.administrateur) if origin.administrateur else None,
        "habilitations_administrateur": _FOR_OTHERS if origin.administrateur else None,
        "emetteur": origin.identite.emetteur if origin.identite else None,
        "serie": origin.identite.serie if origin.identite else None,
    }


def append_system(session: Session, numeros: Iterable[int], now: datetime, action: CodeAction) -> None:
    """Write one line a demande for a step the plateforme takes by itself, with the etat in which the demande is now.

    The database makes the rows.
    """
    _append_system(session, _BY_ITSELF, numeros, now, action)


def append_system_revocations(session: Session, numeros: Iterable[int], now: datetime, action: CodeAction) -> None:
    """As ``append_system``, for demandes de révocation."""
    _append_system(session, _REVOCATION_BY_ITSELF, numeros, now, action)


def _append_system(
    session: Session, statement: Insert, numeros: Iterable[int], now: datetime, action: CodeAction
) -> None:
    told = {"canal_": Canal.SYSTEM.value, "date_": now, "action": action.value}
    for part in slices(numeros):
        session.connection().execute(statement, {**told, "type": TypeActeur.SYSTEME.value, "numeros": part})


def _by_itself(demande: type[tables.Demande | tables.DemandeRevocation]) -> Insert:
    historique = tables.Historique
    columns = {
        historique.id_demande: demande.id,
        historique.canal: bindparam("canal_", type_=String),
        historique.date: bindparam("date_", type_=UtcDateTime()),
        historique.code_action: bindparam("action", type_=String),
        historique.etat: demande.etat,
        historique.type_acteur: bindparam("type", type_=String),
        historique.acteur: literal(NOBODY),
    }
    rows = select(*columns.values()).where(demande.id.in_(bindparam("numeros", expanding=True))).order_by(demande.id)
    return insert(historique).from_select([*columns], rows)


_BY_ITSELF, _REVOCATION_BY_ITSELF = _by_itself(tables.Demande), _by_itself(tables.DemandeRevocation)


def designate(acteur: Acteur) -> str:
    """How the history names an acteur: label and national id; the label is what is cut when the column is too short."""
    if not acteur.id_national:
        return acteur.libelle
    suffix = f" ({acteur.id_national})"
    return acteur.libelle[: _ACTEUR_LENGTH - len(suffix)] + suffix
