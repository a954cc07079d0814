"""How many demandes of a lot are in which state (table lot_compte): kept, because counting them costs too much.

A look at a lot of ten thousand would spend most of its time in counting its rows.

Changes are noted by the one door through which a state changes and written at the end of its transaction, just before
the lines of the audit trail: rows of lots that many transactions share are locked for the time of a commit only.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Table, bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from storage import tables
from storage.changes import COUNTS, announce

Place = tuple[int, str, str]
"""A lot, an etat of demande, an etat of produit (``NO_PRODUIT`` as long as there is no certificate)."""

NO_PRODUIT = ""  # a part of a primary key is never NULL

_PENDING = "counts"


@dataclass(slots=True)
class _Pending:
    changes: Counter[Place] = field(default_factory=Counter)
    latest: dict[int, datetime] = field(default_factory=dict)

    def __copy__(self) -> _Pending:
        return _Pending(Counter(self.changes), dict(self.latest))


def note(session: Session, place: Place, change: int, now: datetime) -> None:
    """So many demandes come to ``place``, or leave it, with this transaction of ``Database.write``."""
    pending: _Pending = session.info.setdefault(_PENDING, _Pending())
    pending.changes[place] += change
    pending.latest[place[0]] = max(now, pending.latest.get(place[0], now))


def write_counts(session: Session) -> None:
    """Write what was noted in this transaction; called by ``Database.write`` before its commit."""
    pending: _Pending | None = session.info.pop(_PENDING, None)
    if pending is None:
        return
    # In one order, so that two transactions never wait for each other.
    changes = sorted((place, change) for place, change in pending.changes.items() if change)
    rows = [
        {"id_lot": lot, "etat": etat, "etat_produit": produit, "nombre": change, "modifie_le": pending.latest[lot]}
        for (lot, etat, produit), change in changes
    ]
    if rows:
        session.connection().execute(_ADD[session.get_bind().dialect.name], rows)
        announce(session, COUNTS)


def _add(dialect: Any) -> Any:  # noqa: ANN401 -- each database has its own INSERT
    table = tables.LotCompte.__table__
    assert isinstance(table, Table)  # noqa: S101 -- mapped to a table, not to a join
    insert = dialect.insert(table).values({column.name: bindparam(column.name) for column in table.columns})
    return insert.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={"nombre": table.c.nombre + insert.excluded.nombre, "modifie_le": insert.excluded.modifie_le},
    )


_ADD = {"postgresql": _add(postgresql), "sqlite": _add(sqlite)}
