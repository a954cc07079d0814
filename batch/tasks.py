"""Leases on the rows of the outbox: who may work on what, until when, and what happens after too many tries.

The number of the attempt fences: a worker that was given up for dead and wakes again finds another number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from batch.context import BatchPolicy
from batch.issuing import give_up
from registration.outbox import Nature
from registration.pages import give_up_page
from registration.vocabulary import EtatDemande
from storage import tables
from storage.bulk import insert_rows
from storage.database import Database

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Task:
    """One row of the outbox as it was sent; ``attempt`` counts from 1."""

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
    ready = or_(outbox.lease_until.is_(None), outbox.lease_until < now)
    with db.read() as session:
        if session.scalar(select(outbox.id).where(ready).limit(1)) is None:
            return []
    with db.write() as session:
        flying = session.scalar(select(func.count()).select_from(outbox).where(outbox.lease_until >= now)) or 0
        rows = session.scalars(
            select(outbox)
            .where(ready)
            .order_by(outbox.rang, outbox.id)
            .limit(max(0, policy.window - flying))
            .with_for_update(skip_locked=True)
        ).all()
        tasks = []
        for row in rows:
            if row.attempts >= policy.max_attempts:
                _give_up(session, row, now, policy)
                continue
            row.attempts += 1
            row.lease_until = now + timedelta(seconds=policy.lease_seconds)
            row.worker = None
            tasks.append(_as_task(row))
    return tasks


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
    """The tasks of (id, attempt) that are still this attempt's to do, now in the name of ``worker``."""
    outbox = tables.Outbox
    attempts = dict(sent)
    with db.write() as session:
        rows = session.scalars(select(outbox).where(outbox.id.in_(attempts)).with_for_update()).all()
        mine = [row for row in rows if row.attempts == attempts[row.id] and row.lease_until is not None]
        for row in mine:
            row.worker = worker
            row.lease_until = now + timedelta(seconds=policy.lease_seconds)
        return [_as_task(row) for row in mine]


def release(db: Database, sent: Sequence[tuple[int, int]], retry_at: datetime) -> None:
    """Give tasks back after a failure, to be sent again from ``retry_at`` on."""
    with db.write() as session:
        for task_id, attempt in sent:
            session.execute(
                update(tables.Outbox)
                .where(tables.Outbox.id == task_id, tables.Outbox.attempts == attempt)
                .values(lease_until=retry_at, worker=None)
            )


def release_worker(db: Database, worker: str) -> int:
    """A worker is dead: what it held is ready at once. Gives the number of tasks."""
    return _release_where(db, tables.Outbox.worker == worker)


def release_unclaimed(db: Database) -> int:
    """The queue lost its data: what was sent and claimed by nobody is ready at once."""
    return _release_where(db, tables.Outbox.worker.is_(None))


def _release_where(db: Database, condition: object) -> int:
    with db.write() as session:
        ids = session.scalars(
            select(tables.Outbox.id).where(condition, tables.Outbox.lease_until.is_not(None)).with_for_update()  # type: ignore[arg-type]  # a column condition
        ).all()
        session.execute(update(tables.Outbox).where(tables.Outbox.id.in_(ids)).values(lease_until=None, worker=None))
        return len(ids)


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
