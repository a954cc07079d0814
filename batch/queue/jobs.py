"""What a worker does. A job carries ids only; everything else is read from the database, which alone is true."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType

import structlog
from sqlalchemy.exc import SQLAlchemyError

from batch.context import WorkerContext
from batch.delegates.responders import renew_due
from batch.delegates.seals import seal
from batch.issuing.demandes import issue_chunk
from batch.lists.crls import publish_due, write_stored
from batch.queue import leases
from batch.queue.faults import is_of_surroundings
from batch.queue.rq import Job
from batch.queue.standstill import AWAY_SECONDS, Standstill
from batch.queue.taking import Taking
from registration.life.outbox import PageWork
from registration.lots.pages import register_page
from registration.retraits.overdue import end_overdue, give_limits
from registration.revocation.due import revoke_due
from registration.revocation.revoking import settle_compromised
from registration.revocation.tries import forget
from registration.revocation.weak_keys import examine_some
from registration.sessions import keeping as sessions
from runtime.metrics import catalogue
from runtime.metrics.recording import count

log = structlog.get_logger()

_BACKOFF_SECONDS = (1, 5, 15, 60)
# Back at work within a quarter of a minute after the surroundings are.
_LONGEST_PAUSE_SECONDS = 8


class _Process:
    """What this process keeps between jobs, which are given what the queue says and no more."""

    context: WorkerContext | None = None
    standstill = Standstill()


def install(context: WorkerContext) -> None:
    """Give this process its context, before its first job."""
    _Process.context = context


def run_tasks(sent: list[list[int]]) -> None:
    """Do the work of some outbox rows, each given as [id, attempt]. Rows that were given to another run are left out.

    When database, disk, signer or trail fail, or the plateforme has stopped, the rows rest and lose no try. Another
    failure is that of the items at hand: several are taken apart, one is tried again with a delay that grows with its
    tries.
    """
    context = _context()
    taking = Taking(context, [(task_id, attempt) for task_id, attempt in sent])
    try:
        context.guard.check()
        taking.begin()
        _run(context, taking)
    except Exception as error:
        is_around = is_of_surroundings(error)
        count(catalogue.TASK_FAILURES, "alentours" if is_around else "demandes")
        if is_around:
            _stand_still(context, error, taking)
            return
        log.exception("job failed", tasks=taking.outbox_ids)
        # Now at the latest, for a try that failed is counted.
        taking.claim()
        attempt = max((task.attempt for task in taking.tasks), default=1)
        delay = _BACKOFF_SECONDS[min(attempt, len(_BACKOFF_SECONDS)) - 1]
        now = context.clock()
        leases.fail(context.db, taking.tasks, now + timedelta(seconds=delay), now)
    else:
        _Process.standstill.go_on()


def _stand_still(context: WorkerContext, error: Exception, taking: Taking) -> None:
    """Give back what this worker was given, however long the database itself is away; nothing loses a try.

    One line a minute says why. A worker does one job at a time: all that stands in its name is to be given back, also
    what a commit of unknown end may have claimed. When it dies here, its successor gives back
    (``leases.release_worker``).
    """
    state = _Process.standstill
    state.failures += 1
    pause = min(2 ** (state.failures - 1), _LONGEST_PAUSE_SECONDS)
    state.tell(error)
    while True:
        _begin_time_again(context)
        try:
            tasks = leases.stand_back(
                context.db, context.worker, context.clock() + timedelta(seconds=pause), taking.sent
            )
        except SQLAlchemyError as again:
            state.tell(again)
            _sleep(AWAY_SECONDS)
        else:
            log.info("tasks rest", tasks=tasks, seconds=pause)
            return


def _begin_time_again(context: WorkerContext) -> None:
    """Who waits does not hang: where the time of this job is limited, it begins again."""
    if signal.getitimer(signal.ITIMER_REAL)[0] > 0:
        signal.alarm(context.policy.job_seconds)


def _sleep(seconds: float) -> None:
    """Sleep without using up the time of this job, which is for its calls."""
    left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    time.sleep(seconds)
    signal.setitimer(signal.ITIMER_REAL, left)


def publish_crls() -> None:
    """Publish the CRLs that are due, write those not in their files yet, renew OCSP responders.

    Finish, too, what compromised keys still need.
    """
    context = _context()
    if context.guard.look() is not None:
        return
    publish_due(context)
    write_stored(context)
    renew_due(context)
    settle_compromised(context.db, context.clock())


def seal_trail() -> None:
    """Vouch for the new lines of the history, sign a checkpoint of the audit trail, let numbers go on."""
    context = _context()
    if context.guard.look() is None:
        context.guard.check()
        seal(context)


def revoke_planned() -> None:
    """Revoke what was to be revoked on a day that has come."""
    context = _context()
    if context.guard.look() is None:
        revoke_due(context.db, context.clock)


def examine_keys() -> None:
    """Look at certified keys together, and revoke those that are broken."""
    context = _context()
    examine_some(context.db, context.clock())


def keep_limits() -> None:
    """Give a limit to certificates that wait without one, and end the demandes whose limit has come."""
    context = _context()
    context.guard.check()
    give_limits(context.db, context.policy.lots, context.clock())
    end_overdue(context.db, context.clock)


def forget_tries() -> None:
    """Remove what says nothing any more of visitors: tries of codes, tokens that have served, sessions now over."""
    context = _context()
    if context.guard.look() is None:
        forget(context.db, context.clock())
        sessions.forget(context.db, context.clock())


JOBS: Mapping[Job, Callable[..., None]] = MappingProxyType(
    {
        Job.RUN_TASKS: run_tasks,
        Job.PUBLISH_CRLS: publish_crls,
        Job.SEAL_TRAIL: seal_trail,
        Job.EXAMINE_KEYS: examine_keys,
        Job.KEEP_LIMITS: keep_limits,
        Job.REVOKE_PLANNED: revoke_planned,
        Job.FORGET_TRIES: forget_tries,
    }
)
"""All that a job of the queue can ask for."""


def _run(context: WorkerContext, taking: Taking) -> None:
    for task in taking.tasks:
        work = task.work
        if isinstance(work, PageWork):
            register_page(
                context.db,
                work.id_lot,
                work.page,
                context.clock(),
                context.policy.lots,
                outbox_id=task.id,
                chains=context.chains,
            )
    numeros = [numero for task in taking.tasks for numero in task.numeros]
    if numeros:
        issue_chunk(context, numeros, taking)


def _context() -> WorkerContext:
    if _Process.context is None:
        raise RuntimeError("this process has no worker context")
    return _Process.context
