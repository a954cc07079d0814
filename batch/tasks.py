"""Leases on the rows of the outbox: who may work on what, until when, and what happens after too many tries.

``worker`` says who holds a row: the queue, a worker, or nobody. An attempt is counted when a worker claims a row, so
that a queue without workers costs no tries; its number fences, so that a job sent twice is claimed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from batch.context import BatchPolicy
from registration.giving_up import give_up
from registration.outbox import Nature
from registration.pages import give_up_page
from registration.vocabulary import EtatDemande
from storage import tables
from storage.bulk import insert_rows
from storage.database import Database

log = structlog.get_logger()

# No worker can have this name: it is how a row says that it was sent and that nobody claimed it yet.
_QUEUE = "(queue)"
# A job may be lost between the queue and its claim. Sending it once more costs nothing: only one of the two is claimed.
_UNCLAIMED_SECONDS = 15.0
# No honest lease ends later than this after its length: the clock was set back since.
_CLOCK_MARGIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Task:
    """One row of the outbox; ``attempt`` is how many workers have claimed it so far."""

    id: int
    attempt: int
    nature: Nature
    rang: int
    id_lot: int | None
    page: int | None
    numeros: tuple[int, ...]


def take_ready(db: Database, policy: BatchPolicy, now: datetime) -> list[Task]:
    """Lease what is ready to be sent, fairest first, up to the window; rows tried too often are given up instead."""
    outbox = tables.Outbox
    # A look first: a write transaction would make every writer of an SQLite database wait, many times a second.
    with db.read() as session:
        room = policy.window - _in_flight(session, policy, now)
        if room <= 0 or session.scalar(select(outbox.id).where(_ready(policy, now)).limit(1)) is None:
            return []
    tasks = []
    with db.write() as session:
        rows = session.scalars(
            select(outbox)
            .where(_ready(policy, now))
            .order_by(outbox.rang, outbox.id)
            .limit(room)
            .with_for_update(skip_locked=True)
        ).all()
        for row in rows:
            row.lease_until = now + timedelta(seconds=min(policy.lease_seconds, _UNCLAIMED_SECONDS))
            if row.attempts >= policy.max_attempts:
                row.worker = None
                _try_to_give_up(session, row, now, policy)
                continue
            row.worker = _QUEUE
            tasks.append(_as_task(row))
    return tasks


def _ready(policy: BatchPolicy, now: datetime) -> ColumnElement[bool]:
    """Rows that nobody holds, or whose lease is over."""
    lease_until = tables.Outbox.lease_until
    return or_(lease_until.is_(None), lease_until < now, lease_until > _latest(policy, now))


def _in_flight(session: Session, policy: BatchPolicy, now: datetime) -> int:
    """How many rows the queue and the workers hold; those that rest after a failure are not among them."""
    outbox = tables.Outbox
    held = and_(outbox.worker.is_not(None), outbox.lease_until.between(now, _latest(policy, now)))
    return session.scalar(select(func.count()).select_from(outbox).where(held)) or 0


def _latest(policy: BatchPolicy, now: datetime) -> datetime:
    return now + timedelta(seconds=policy.lease_seconds) + _CLOCK_MARGIN


def _as_task(row: tables.Outbox) -> Task:
    return Task(
        id=row.id,
        attempt=row.attempts,
        nature=Nature(row.nature),
        rang=row.rang,
        id_lot=row.id_lot,
        page=row.payload.get("page"),
        numeros=tuple(row.payload.get("numeros", ())),
    )


def claim(db: Database, sent: Sequence[tuple[int, int]], worker: str, policy: BatchPolicy, now: datetime) -> list[Task]:
    """The tasks of (id, attempt as sent) that nobody claimed since, now in the name of ``worker`` as its attempt."""
    outbox = tables.Outbox
    attempts = dict(sent)
    with db.write() as session:
        rows = session.scalars(
            select(outbox).where(outbox.id.in_(attempts)).order_by(outbox.id).with_for_update()
        ).all()
        mine = [row for row in rows if row.attempts == attempts[row.id]]
        for row in mine:
            row.attempts += 1
            row.worker = worker
            row.lease_until = now + timedelta(seconds=policy.lease_seconds)
        return [_as_task(row) for row in mine]


def release(db: Database, sent: Sequence[tuple[int, int]], retry_at: datetime, *, counted: bool = True) -> None:
    """Give (id, attempt) back, to be sent again from ``retry_at`` on; what another attempt took over stays.

    Not ``counted``: the attempt failed for a reason that no task can help, and costs it none of its tries.
    """
    with db.write() as session:
        for task_id, attempt in sent:
            session.execute(
                update(tables.Outbox)
                .where(tables.Outbox.id == task_id, tables.Outbox.attempts == attempt)
                .values(lease_until=retry_at, worker=None, attempts=attempt if counted else attempt - 1)
            )


def release_worker(db: Database, worker: str) -> int:
    """A worker is dead: what it held is ready at once. Gives the number of tasks."""
    return _release_held_by(db, worker)


def release_unclaimed(db: Database) -> int:
    """The queue lost its data: what was sent and claimed by nobody is ready at once."""
    return _release_held_by(db, _QUEUE)


def _release_held_by(db: Database, holder: str) -> int:
    outbox = tables.Outbox
    with db.write() as session:
        ids = session.scalars(
            select(outbox.id).where(outbox.worker == holder).order_by(outbox.id).with_for_update()
        ).all()
        session.execute(update(outbox).where(outbox.id.in_(ids)).values(lease_until=None, worker=None))
        return len(ids)


def _try_to_give_up(session: Session, row: tables.Outbox, now: datetime, policy: BatchPolicy) -> None:
    """A row that cannot even be given up rests for a while and stops no other."""
    try:
        with session.begin_nested():
            _give_up(session, row, now, policy)
    except Exception:
        log.exception("task cannot be given up", id=row.id, nature=row.nature, id_lot=row.id_lot)


def _give_up(session: Session, row: tables.Outbox, now: datetime, policy: BatchPolicy) -> None:
    """After ``max_attempts``: a chunk is taken apart so that one bad demande does not sink the others."""
    log.error("task given up", id=row.id, nature=row.nature, id_lot=row.id_lot, attempts=row.attempts)
    numeros = row.payload.get("numeros", [])
    if row.nature == Nature.REGISTER_PAGE.value:
        give_up_page(session, row.id_lot or 0, row.payload["page"], now, policy.lots)
    elif len(numeros) > 1:
        insert_rows(session, tables.Outbox, [_alone(row, numero, now) for numero in numeros])
    else:
        open_ = session.scalars(
            select(tables.Demande.id).where(
                tables.Demande.id.in_(numeros),
                tables.Demande.etat.in_([EtatDemande.VALIDEE.value, EtatDemande.TRANSMISE.value]),
                tables.Demande.etat_produit.is_(None),
            )
        ).all()
        give_up(session, open_, now)
    session.execute(delete(tables.Outbox).where(tables.Outbox.id == row.id))


def _alone(row: tables.Outbox, numero: int, now: datetime) -> dict[str, object]:
    return {
        "nature": row.nature,
        "id_lot": row.id_lot,
        "payload": {"numeros": [numero]},
        "rang": row.rang,
        "created_at": now,
        "lease_until": None,
        "worker": None,
        "attempts": 1,
    }
