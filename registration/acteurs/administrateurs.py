"""The one door of who may act for others (agir pour un tiers): operators name them, and end it.

Each change is told to the audit trail in its own transaction: naming does not happen without its line, ending does.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, bindparam, or_, select
from sqlalchemy.orm import Session

from registration.acteurs.habilitations import Terms
from registration.acteurs.refusals import ActeurRefusedError
from registration.values import UNSEEN, Acteur
from registration.vocabulary import Acte, Plateforme, TypeActeurInscrit
from runtime.clock import system_clock
from storage import tables
from storage.moments import Prepared
from storage.trail import AUTEUR, note

_row = tables.Administrateur
_NOW = bindparam("now", type_=_row.debut_le.type)
# Made once: it is asked for every page.
_IN_FORCE = Prepared(
    select(_row.id).where(
        _row.id_acteur == bindparam("acteur"),
        _row.debut_le <= _NOW,
        _row.motif_fin.is_(None),
        or_(_row.fin_le.is_(None), _row.fin_le > _NOW),
    )
)


class AdministrateurLine(NamedTuple):
    """One who may act for others, or who might once."""

    id_national: str
    libelle: str
    debut_le: datetime
    fin_le: datetime | None
    nomme_par: str | None
    motif: str
    motif_fin: str | None


def is_administrateur(session: Session, acteur: Acteur) -> bool:
    """Whether he may act for others now, on the clock of the machine: asked at every request."""
    if acteur.id == UNSEEN or acteur.type_acteur is not TypeActeurInscrit.PERSONNE:
        return False
    return bool(_IN_FORCE.within(session, acteur=acteur.id, now=system_clock()))


def appoint(session: Session, id_acteur: int, now: datetime, terms: Terms) -> bool:
    """Let a person act for others; False, and nothing is written, when he may, or is going to.

    ActeurRefusedError for an application, which has no hands.
    """
    acteur = session.get_one(tables.Acteur, id_acteur, with_for_update={"key_share": True})
    if acteur.type_acteur != TypeActeurInscrit.PERSONNE.value:
        raise ActeurRefusedError(f"{acteur.id_national} est une application : seule une personne agit pour un tiers")
    if session.scalar(select(_row.id).where(_row.id_acteur == id_acteur, _not_over(now)).limit(1)) is not None:
        return False
    begins = terms.begins if terms.begins is not None and terms.begins > now else now
    if terms.ends is not None and terms.ends <= begins:
        raise ActeurRefusedError("ces dates ne laissent aucun jour")
    row = tables.Administrateur(
        id_acteur=id_acteur,
        debut_le=begins,
        fin_le=terms.ends,
        nomme_par=session.info.get(AUTEUR),
        motif=terms.motif or "",
    )
    session.add(row)
    note(session, Acte.APPOINTED.value, now, _told(row, row.motif))
    return True


def dismiss(session: Session, id_acteur: int, now: datetime, motif: str) -> bool:
    """End it, at his next request; False when he may not, and is not going to."""
    rows = session.scalars(
        select(_row).where(_row.id_acteur == id_acteur, _not_over(now)).with_for_update(key_share=True)
    ).all()
    for row in rows:
        row.fin_le, row.motif_fin = now, motif
        note(session, Acte.DISMISSED.value, now, _told(row, motif), essential=False)
    return bool(rows)


def list_administrateurs(session: Session, plateforme: Plateforme) -> Sequence[AdministrateurLine]:
    """All of them, those whose time is over too, the oldest first."""
    acteur = tables.Acteur
    found = session.execute(
        select(
            acteur.id_national, acteur.libelle, _row.debut_le, _row.fin_le, _row.nomme_par, _row.motif, _row.motif_fin
        )
        .join(acteur, acteur.id == _row.id_acteur)
        .where(acteur.plateforme == plateforme.value)
        .order_by(_row.id)
    )
    return [AdministrateurLine._make(line) for line in found]


def _not_over(now: datetime) -> ColumnElement[bool]:
    return and_(_row.motif_fin.is_(None), or_(_row.fin_le.is_(None), _row.fin_le > now))


def _told(row: tables.Administrateur, motif: str) -> dict[str, object]:
    return {
        "acteur": row.id_acteur,
        "debut": _moment(row.debut_le),
        "fin": None if row.fin_le is None else _moment(row.fin_le),
        "motif": motif,
    }


def _moment(date: datetime) -> str:
    return date.astimezone(UTC).isoformat(timespec="microseconds")
