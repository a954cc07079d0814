"""How much the batch owes, for who runs the plateforme and for monitors; nothing is taken or changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from registration.life.outbox import QUEUE, Nature
from storage import tables

_outbox, _lot = tables.Outbox, tables.Lot


class Owed(NamedTuple):
    """The rows of one nature. ``held`` by the queue or a worker, ``tried_again`` after at least one failure."""

    nature: Nature
    owed: int
    held: int
    tried_again: int
    oldest: datetime | None


def owed(session: Session, now: datetime) -> Sequence[Owed]:
    """One line a nature, those of which nothing is owed too."""
    is_held = _outbox.worker.is_not(None) & (_outbox.lease_until > now)
    rows = session.execute(
        select(
            _outbox.nature,
            func.count(),
            func.coalesce(func.sum(case((is_held, 1), else_=0)), 0),
            func.coalesce(func.sum(case((_outbox.attempts > 1, 1), else_=0)), 0),
            func.min(_outbox.created_at),
        ).group_by(_outbox.nature)
    )
    found = {nature: (count, held, tried, oldest) for nature, count, held, tried, oldest in rows}
    return [Owed(nature, *found.get(nature.value, (0, 0, 0, None))) for nature in Nature]


def busy_workers(session: Session, now: datetime) -> Sequence[tuple[str, int]]:
    """(worker, rows) of those that hold something now, by name."""
    rows = session.execute(
        select(_outbox.worker, func.count())
        .where(_outbox.worker.is_not(None), _outbox.worker != QUEUE, _outbox.lease_until > now)
        .group_by(_outbox.worker)
        .order_by(_outbox.worker)
    )
    return [(worker or "", count) for worker, count in rows]


def untreated(session: Session) -> tuple[int, datetime | None]:
    """How many demandes still wait to be signed, and since when the oldest does: its deposit, if it came in a lot.

    Those of pages that are not registered yet are not counted, for they are no demandes yet; their wait counts.
    """
    named = session.scalars(select(_outbox.payload).where(_outbox.nature == Nature.ISSUE.value))
    count = sum(len(payload.get("numeros", ())) for payload in named)
    since = func.min(func.coalesce(_lot.depose_le, _outbox.created_at))
    return count, session.scalar(select(since).select_from(_outbox).outerjoin(_lot, _lot.id == _outbox.id_lot))


def lots_in_progress(session: Session) -> int:
    """Lots of which something is owed."""
    return session.scalar(select(func.count(_outbox.id_lot.distinct()))) or 0
