"""Leases on what the outbox owes: how much is in flight, how long a holder is believed, what follows too many tries."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from batch.context import BatchPolicy
from batch.queue.grouping import make_jobs
from registration.life import outbox
from registration.life.giving_up import give_up
from registration.life.outbox import PageWork, Task
from registration.lots.pages import give_up_page
from registration.vocabulary import EtatDemande
from storage import tables
from storage.database import Database
from storage.savepoints import savepoint

log = structlog.get_logger()

# A job may be lost between the queue and its claim. Sending it once more costs nothing: only one of the two is claimed.
_UNCLAIMED = timedelta(seconds=15)
_TRIES_TOGETHER = 3


def look(db: Database, policy: BatchPolicy, now: datetime) -> outbox.Look:
    """What the outbox owes. A look comes before ``take_ready``: that makes every other writer of SQLite wait."""
    with db.read() as session:
        return outbox.look(session, _lease(policy), now)


def still_held(db: Database, ids: Collection[int]) -> set[int]:
    """Those of these rows that stand in the outbox in the name of the queue or of a worker."""
    with db.read() as session:
        return outbox.held_among(session, ids)


def take_ready(db: Database, policy: BatchPolicy, now: datetime, *, alone: int, shared: int) -> list[list[Task]]:
    """Lease what is ready, fairest first, as jobs (see ``make_jobs``); rows tried too often are given up instead."""
    lease, size = _lease(policy), policy.lots.chunk_size
    with db.write() as session:
        ready = outbox.lock_ready(session, lease, now, alone + shared * size)
        worn_out = [task for task in ready if task.attempt >= _most_tries(task, policy)]
        fit = [task for task in ready if task.attempt < _most_tries(task, policy)]
        jobs = make_jobs(fit, size=size, alone=alone, shared=shared)
        until = now + min(lease, _UNCLAIMED)
        outbox.hold(session, [task.id for job in jobs for task in job], outbox.QUEUE, until)
        outbox.hold(session, [task.id for task in worn_out], None, until)
        for task in worn_out:
            _try_to_give_up(session, task, now, policy)
    return jobs


def claim(db: Database, sent: Sequence[tuple[int, int]], worker: str, policy: BatchPolicy, now: datetime) -> list[Task]:
    """The tasks of (id, attempt as sent) that nobody claimed since, now in the name of ``worker`` as its attempt."""
    with db.write() as session:
        return claim_in(session, sent, worker, policy, now)


def claim_in(
    session: Session, sent: Sequence[tuple[int, int]], worker: str, policy: BatchPolicy, now: datetime
) -> list[Task]:
    """As ``claim``, with the transaction of ``session``."""
    return outbox.claim(session, sent, worker, now + timedelta(seconds=policy.lease_seconds))


def release(db: Database, sent: Sequence[tuple[int, int]], retry_at: datetime) -> None:
    """Give (id, attempt) back, to be sent again from ``retry_at`` on; see ``outbox.release``."""
    with db.write() as session:
        outbox.release(session, sent, retry_at)


def fail(db: Database, tasks: Sequence[Task], retry_at: datetime, now: datetime) -> None:
    """These tasks failed by their own fault: what is one item is tried again later, what is more is taken apart."""
    with db.write() as session:
        for task in tasks:
            if len(task.numeros) > 1:
                outbox.take_apart(session, task, now)
            else:
                outbox.release(session, [(task.id, task.attempt)], retry_at)


def stand_back(db: Database, worker: str, retry_at: datetime, sent: Sequence[tuple[int, int]] = ()) -> int:
    """The surroundings failed: all that ``worker`` holds rests until ``retry_at``, and the try is not counted.

    So does what was ``sent`` to it, as (id, attempt), and not claimed yet. Gives the number of tasks that it held.
    """
    with db.write() as session:
        held = outbox.release_held_by(session, worker, retry_at, uncounted=1)
        outbox.release(session, sent, retry_at)
        return held


def release_worker(db: Database, worker: str) -> int:
    """A worker is dead: what it held is ready at once. Gives the number of tasks.

    So is what was sent and claimed by nobody: some of it the worker may have begun.
    """
    with db.write() as session:
        return outbox.release_held_by(session, worker) + outbox.release_held_by(session, outbox.QUEUE)


def release_unclaimed(db: Database) -> int:
    """The queue lost its data: what was sent and claimed by nobody is ready at once."""
    with db.write() as session:
        return outbox.release_held_by(session, outbox.QUEUE)


def _lease(policy: BatchPolicy) -> timedelta:
    return timedelta(seconds=policy.lease_seconds)


def _most_tries(task: Task, policy: BatchPolicy) -> int:
    """Of many items, one may kill whoever works on them: they are taken apart sooner than one item is given up."""
    return _TRIES_TOGETHER if len(task.numeros) > 1 else policy.max_attempts


def _try_to_give_up(session: Session, task: Task, now: datetime, policy: BatchPolicy) -> None:
    """A task that cannot even be given up rests for a while and stops no other."""
    try:
        with savepoint(session):
            _give_up(session, task, now, policy)
    except Exception:
        log.exception("task cannot be given up", id=task.id, id_lot=task.id_lot)


def _give_up(session: Session, task: Task, now: datetime, policy: BatchPolicy) -> None:
    """After too many tries: a chunk is taken apart so that one bad demande does not sink the others."""
    log.error("task given up", id=task.id, id_lot=task.id_lot, attempts=task.attempt)
    if len(task.numeros) > 1:
        outbox.take_apart(session, task, now)
        return
    if isinstance(task.work, PageWork):
        give_up_page(session, task.work.id_lot, task.work.page, now, policy.lots)
    else:
        open_ = session.scalars(
            select(tables.Demande.id).where(
                tables.Demande.id.in_(task.numeros),
                tables.Demande.etat.in_([EtatDemande.VALIDEE.value, EtatDemande.TRANSMISE.value]),
                tables.Demande.etat_produit.is_(None),
            )
        ).all()
        give_up(session, open_, now)
    outbox.settle(session, [task.id])
