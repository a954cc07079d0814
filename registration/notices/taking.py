"""Who sends takes notices for some time, and says what became of each; nobody else touches the table for that.

Whoever takes a row moves its ``du_le``: a sender that dies loses it to the next one then, so that a mail goes out at
least once. The number of the try fences: an answer that comes too late settles nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Table, bindparam, delete, func, or_, select, update

from registration.rules.states import AVIS
from registration.vocabulary import EtatAvis, Plateforme
from storage import tables
from storage.database import Database
from storage.tables.avis import ANSWER_LENGTH
from storage.types import UtcDateTime

_FIRST_DELAY, _LONGEST_DELAY = timedelta(minutes=1), timedelta(hours=1)
_SETTLED = {etat.value for etat in AVIS[EtatAvis.TO_SEND]}
_AT_ONCE = 500

_avis = tables.Avis
_table = cast("Table", tables.Avis.__table__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one try: its new etat, what the server answered, and when it is tried again if it is."""

    id: int
    essai: int
    etat: EtatAvis
    reponse: str | None
    du_le: datetime


def take(db: Database, plateforme: Plateforme, now: datetime, hold: timedelta, limit: int) -> Sequence[tables.Avis]:
    """The notices that are due, the oldest first, each taken until ``now + hold`` and counted as tried.

    Two senders never take the same one. Only reads while nothing is due.
    """
    due = (_avis.plateforme == plateforme.value, _avis.etat == EtatAvis.TO_SEND.value, _avis.du_le <= now)
    with db.read() as session:
        if session.scalar(select(_avis.id).where(*due).limit(1)) is None:
            return ()
    with db.write() as session:
        query = select(_avis).where(*due).order_by(_avis.du_le, _avis.id).limit(limit)
        rows = session.scalars(query.with_for_update(skip_locked=True, key_share=True)).all()
        for row in rows:
            row.du_le, row.essais = now + hold, row.essais + 1
    return rows


def retry_delay(essai: int) -> timedelta:
    """How long after its ``essai``-th failure a notice rests: twice as long each time, an hour at most."""
    doublings: int = 2 ** min(max(essai - 1, 0), 10)
    return min(_FIRST_DELAY * doublings, _LONGEST_DELAY)


def settle(db: Database, outcomes: Iterable[Outcome], now: datetime) -> None:
    """Write what became of notices that were taken; of a try that somebody else has begun again, nothing.

    ValueError for what cannot become of a notice that is tried (``rules.states.AVIS``).
    """
    outcomes = list(outcomes)
    if strange := {one.etat for one in outcomes} - AVIS[EtatAvis.TO_SEND] - {EtatAvis.TO_SEND}:
        raise ValueError(f"no notice becomes {sorted(strange)} by a try")
    rows = [
        {
            "ident": one.id,
            "essai": one.essai,
            "etat_": one.etat.value,
            "reponse_": None if one.reponse is None else one.reponse[:ANSWER_LENGTH],
            "du_le_": one.du_le,
            "regle_le_": now if one.etat.value in _SETTLED else None,
        }
        for one in outcomes
    ]
    if rows:
        with db.write() as session:
            session.connection().execute(_SETTLE, rows)


_SETTLE = (
    update(_table)
    .where(
        _table.c.id == bindparam("ident"),
        _table.c.essais == bindparam("essai"),
        _table.c.etat == EtatAvis.TO_SEND.value,
    )
    .values(
        {
            _table.c.etat: bindparam("etat_"),
            _table.c.reponse: bindparam("reponse_"),
            _table.c.du_le: bindparam("du_le_", type_=UtcDateTime()),
            _table.c.regle_le: bindparam("regle_le_", type_=UtcDateTime()),
        }
    )
)


def forget(db: Database, plateforme: Plateforme, before: datetime) -> int:
    """Remove notices that were settled before this moment: whom something was told is personal. Gives their number."""
    done = 0
    old = (_avis.plateforme == plateforme.value, _avis.regle_le < before)
    while True:
        with db.read() as session:
            ids = session.scalars(select(_avis.id).where(*old).limit(_AT_ONCE)).all()
        if not ids:
            return done
        with db.write() as session:
            session.execute(delete(_avis).where(_avis.id.in_(ids)))
        done += len(ids)


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits: how many notices, the date of the oldest, and how many were refused for good."""

    waiting: int
    oldest: datetime | None
    refused: int


def backlog(db: Database, plateforme: Plateforme) -> Backlog:
    """What waits to be sent, tried or not, and what was refused."""
    waiting = _avis.etat == EtatAvis.TO_SEND.value
    with db.read() as session:
        row = session.execute(
            select(
                func.count().filter(waiting),
                func.min(_avis.cree_le).filter(waiting),
                func.count().filter(_avis.etat == EtatAvis.REFUSED.value),
            ).where(_avis.plateforme == plateforme.value, or_(waiting, _avis.etat == EtatAvis.REFUSED.value))
        ).one()
    return Backlog(*row)
