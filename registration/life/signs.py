"""The one door of the relay's sign of life: who has no access to the queue knows by it whether the queue serves."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from storage import tables
from storage.bulk import insert_if_new

EVERY = timedelta(seconds=15)
"""How often the relay gives one."""

FRESH = timedelta(seconds=60)
"""After so long without one, nobody relays, or the queue does not serve."""

_ID = 1
_sign = tables.SigneDeVie


def give_sign(session: Session, now: datetime, waiting: int, workers: int) -> None:
    """The queue has just answered: so many jobs wait in it, so many workers listen."""
    values = {"vu_le": now, "en_attente": waiting, "workers": workers}
    if session.connection().execute(update(_sign).where(_sign.id == _ID).values(**values)).rowcount == 0:
        insert_if_new(session, _sign, {"id": _ID, **values})


def last_sign(session: Session) -> tuple[datetime, int, int] | None:
    """(when, jobs that waited, workers) of the last sign; None before the first."""
    row = session.execute(select(_sign.vu_le, _sign.en_attente, _sign.workers).where(_sign.id == _ID)).one_or_none()
    return None if row is None else (row.vu_le, row.en_attente, row.workers)


def serves(session: Session, now: datetime) -> bool:
    """Whether the queue answered the relay a moment ago."""
    sign = last_sign(session)
    return sign is not None and abs(now - sign[0]) < FRESH
