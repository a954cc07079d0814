"""The world of this folder: who is told what."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from registration.vocabulary import Plateforme
from storage import tables
from storage.database import Database
from tests.support.acteurs import fill, read_acteurs
from tests.support.clock import NOON
from tests.support.hierarchies import Hierarchy
from tests.support.world import World

ACTEUR, INFORME = "acteur@acacias.example", "informee@acacias.example"


@dataclass(kw_only=True)
class NoticeWorld(World):
    """A world whose notices can be looked at."""

    def avis(self) -> list[tables.Avis]:
        return self.values(select(tables.Avis).order_by(tables.Avis.id))

    def owed(self) -> list[tuple[str, int | None, str | None]]:
        """(nature, numero or index of lot, destinataire) of what is owed, sorted."""
        return sorted((row.nature, row.id_demande or row.id_lot, row.destinataire) for row in self.avis())

    def clear(self) -> None:
        with self.db.write() as session:
            session.execute(tables.Avis.__table__.delete())  # type: ignore[attr-defined]  # a table, typed as more


def make_notice_world(db: Database, hierarchy: Hierarchy) -> NoticeWorld:
    fill(db, Plateforme.TEST, NOON)
    return NoticeWorld(db=db, hierarchy=hierarchy, acteurs=read_acteurs(db, Plateforme.TEST))
