"""Persons who are named for something by operators, dated, ended and kept: the door of such a table.

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
from storage.tables.acteurs import Nomination
from storage.trail import AUTEUR, note


class NamedLine(NamedTuple):
    """One who is named, or was once."""

    id_national: str
    libelle: str
    debut_le: datetime
    fin_le: datetime | None
    nomme_par: str | None
    motif: str
    motif_fin: str | None


class Naming:
    """The rows of one table, and the two acts that tell of them."""

    def __init__(self, table: type[Nomination], acts: tuple[Acte, Acte], only_persons: str) -> None:
        """``only_persons`` says why an application is refused, behind its id."""
        self._table, (self._begun, self._over), self._only_persons = table, acts, only_persons
        now = bindparam("now", type_=table.debut_le.type)
        # Made once: it is asked for every page.
        self._in_force = Prepared(
            select(table.id).where(
                table.id_acteur == bindparam("acteur"),
                table.debut_le <= now,
                table.motif_fin.is_(None),
                or_(table.fin_le.is_(None), table.fin_le > now),
            )
        )

    def holds(self, session: Session, acteur: Acteur) -> bool:
        """Whether he is named now, on the clock of the machine; never an application, nor who has no row."""
        if acteur.id == UNSEEN or acteur.type_acteur is not TypeActeurInscrit.PERSONNE:
            return False
        return bool(self._in_force.within(session, acteur=acteur.id, now=system_clock()))

    def name(self, session: Session, id_acteur: int, now: datetime, terms: Terms) -> bool:
        """Name a person; False, and nothing is written, when he is named, or is going to be.

        ActeurRefusedError for an application, which has no hands, and for dates that leave no day.
        """
        table = self._table
        acteur = session.get_one(tables.Acteur, id_acteur, with_for_update={"key_share": True})
        if acteur.type_acteur != TypeActeurInscrit.PERSONNE.value:
            raise ActeurRefusedError(f"{acteur.id_national} {self._only_persons}")
        if session.scalar(select(table.id).where(table.id_acteur == id_acteur, self._not_over(now)).limit(1)):
            return False
        begins = terms.begins if terms.begins is not None and terms.begins > now else now
        if terms.ends is not None and terms.ends <= begins:
            raise ActeurRefusedError("ces dates ne laissent aucun jour")
        row = table()
        row.id_acteur, row.debut_le, row.fin_le = id_acteur, begins, terms.ends
        row.nomme_par, row.motif = session.info.get(AUTEUR), terms.motif or ""
        session.add(row)
        note(session, self._begun.value, now, _told(row, row.motif))
        return True

    def dismiss(self, session: Session, id_acteur: int, now: datetime, motif: str) -> bool:
        """End it, at his next request; False when he is not named, and is not going to be."""
        table = self._table
        rows = session.scalars(
            select(table).where(table.id_acteur == id_acteur, self._not_over(now)).with_for_update(key_share=True)
        ).all()
        for row in rows:
            row.fin_le, row.motif_fin = now, motif
            note(session, self._over.value, now, _told(row, motif), essential=False)
        return bool(rows)

    def list_all(self, session: Session, plateforme: Plateforme) -> Sequence[NamedLine]:
        """All of them, those whose time is over too, the oldest first."""
        acteur, table = tables.Acteur, self._table
        found = session.execute(
            select(
                acteur.id_national,
                acteur.libelle,
                table.debut_le,
                table.fin_le,
                table.nomme_par,
                table.motif,
                table.motif_fin,
            )
            .join(acteur, acteur.id == table.id_acteur)
            .where(acteur.plateforme == plateforme.value)
            .order_by(table.id)
        )
        return [NamedLine._make(line) for line in found]

    def _not_over(self, now: datetime) -> ColumnElement[bool]:
        table = self._table
        return and_(table.motif_fin.is_(None), or_(table.fin_le.is_(None), table.fin_le > now))


def _told(row: Nomination, motif: str) -> dict[str, object]:
    return {
        "acteur": row.id_acteur,
        "debut": _moment(row.debut_le),
        "fin": None if row.fin_le is None else _moment(row.fin_le),
        "motif": motif,
    }


def _moment(date: datetime) -> str:
    return date.astimezone(UTC).isoformat(timespec="microseconds")
