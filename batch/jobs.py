"""What RQ runs. A job carries ids only; everything else is read from the database, which alone is true."""

from __future__ import annotations

from datetime import timedelta

import structlog

from batch import tasks
from batch.context import WorkerContext
from batch.crls import publish_due
from batch.issuing import issue_chunk
from batch.responders import renew_due
from batch.sealing import seal
from registration.outbox import Nature
from registration.pages import register_page
from registration.revocation import settle_compromised
from storage.trail import TrailError

log = structlog.get_logger()

_BACKOFF_SECONDS = (1, 5, 15, 60)
_STOPPED_SECONDS = 15


class _Holder:
    """The context of this process: jobs are found by name, so it cannot be passed to them."""

    context: WorkerContext | None = None


def install(context: WorkerContext) -> None:
    """Give this process its context, before its first job."""
    _Holder.context = context


def run_tasks(sent: list[list[int]]) -> None:
    """Do the work of some outbox rows, each given as [id, attempt]. Rows that were given to another run are left out.

    A failure is logged and the rows are given back with a delay that grows with the attempts.
    """
    context = _context()
    pairs = [(task_id, attempt) for task_id, attempt in sent]
    claimed = tasks.claim(context.db, pairs, context.worker, context.policy, context.clock())
    try:
        _run(context, claimed)
    except TrailError:
        log.exception("issuing is stopped: the audit trail cannot be written", tasks=[task.id for task in claimed])
        retry_at = context.clock() + timedelta(seconds=_STOPPED_SECONDS)
        tasks.release(context.db, [(task.id, task.attempt) for task in claimed], retry_at, counted=False)
    except Exception:
        log.exception("job failed", tasks=[task.id for task in claimed])
        attempt = max((task.attempt for task in claimed), default=1)
        delay = _BACKOFF_SECONDS[min(attempt, len(_BACKOFF_SECONDS)) - 1]
        retry_at = context.clock() + timedelta(seconds=delay)
        tasks.release(context.db, [(task.id, task.attempt) for task in claimed], retry_at)


def publish_crls() -> None:
    """Publish the CRLs that are due, renew the keys of OCSP responders, finish what compromised keys still need."""
    context = _context()
    publish_due(context)
    renew_due(context)
    settle_compromised(context.db, context.clock())


def seal_trail() -> None:
    """Vouch for the new lines of the history, and sign a checkpoint of the audit trail."""
    seal(_context())


def _run(context: WorkerContext, claimed: list[tasks.Task]) -> None:
    for task in claimed:
        if task.nature is Nature.REGISTER_PAGE:
            register_page(
                context.db, task.id_lot or 0, task.page or 0, context.clock(), context.policy.lots, outbox_id=task.id
            )
    issuing = [task for task in claimed if task.nature is Nature.ISSUE]
    if issuing:
        numeros = [numero for task in issuing for numero in task.numeros]
        issue_chunk(context, numeros, [task.id for task in issuing])


def _context() -> WorkerContext:
    if _Holder.context is None:
        raise RuntimeError("this process has no worker context")
    return _Holder.context
