"""The RQ worker: jobs run in this process, which has loaded code and keys once.

RQ's forking worker costs 17 ms a job and loads nothing beforehand; isolation between jobs is not needed here, since
a job that kills its process is taken up again from the rows. Of RQ only the waiting is used: what it does with results,
failures, abandoned jobs and those that hang on others is done by names that stand in the broker, and this process holds
keys of authorities.
"""

from __future__ import annotations

import signal
import time
from types import FrameType
from typing import Any

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.timeouts import BaseDeathPenalty
from rq.worker import WorkerStatus

from batch.context import WorkerContext
from batch.delegates.responders import renew_due
from batch.lists.crls import write_stored
from batch.queue.faults import is_of_surroundings
from batch.queue.jobs import JOBS, install
from batch.queue.leases import release_worker
from batch.queue.rq import QUEUE_NAME, WakeUpQueue, read_call
from batch.queue.rq import Job as JobName
from batch.queue.standstill import AWAY_SECONDS, Standstill
from batch.trail_lines import tell_started
from runtime.metrics.recording import worked

log = structlog.get_logger()

_BROKEN_SECONDS = 1.0
# RQ sleeps a quarter of a minute less than this in one wait for a job; a connection that died unseen ends then.
_WORKER_TTL = 60


class _EndOfProcess(BaseDeathPenalty):
    """A job that outlives its time ends its process, whose supervisor starts another.

    RQ's own way raises an exception wherever the job happens to be, and never when it hangs inside a C library.
    """

    def setup_death_penalty(self) -> None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(self._timeout)

    def cancel_death_penalty(self) -> None:
        signal.alarm(0)


class _Worker(SimpleWorker):
    """Knows whether its end was asked for, takes no orders through the broker, and does nothing but the known jobs."""

    death_penalty_class = _EndOfProcess
    max_connection_wait_time = 2.0
    stopping = False
    job_seconds = 0

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Remember the signal, which RQ then obeys."""
        self.stopping = True
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]  # RQ does not annotate it

    def subscribe(self) -> None:
        """No channel of commands: only signals and the supervisor end a worker."""

    def check_for_suspension(self, burst: bool) -> None:  # noqa: FBT001 -- as RQ's
        """No key of the broker makes a worker rest."""

    def run_maintenance_tasks(self) -> None:
        """Nothing: RQ would call what abandoned jobs name. The rows know what is still to be done."""

    def execute_job(self, job: Job, queue: Queue) -> None:  # noqa: ARG002 -- as RQ's
        """Do one of the jobs that there are, in the time that they have; whatever else stands in the queue is dropped.

        The job is forgotten first: when this process dies of it, its rows are sent again.
        """
        self.set_state(WorkerStatus.BUSY)
        self.connection.delete(job.key)
        call = read_call(job)
        if call is None:
            log.error("job refused", id=job.id)
        else:
            self._do(*call)
        self.set_state(WorkerStatus.IDLE)

    def _do(self, name: JobName, args: list[Any]) -> None:
        started, outcome = time.perf_counter(), "ok"
        try:
            with _EndOfProcess(self.job_seconds):  # type: ignore[no-untyped-call]  # RQ does not annotate it
                JOBS[name](*args)
        except Exception:
            outcome = "erreur"
            log.exception("job failed", job=name.value)
        worked(name.value.rpartition(".")[2], outcome, time.perf_counter() - started)


def _begin(context: WorkerContext) -> None:
    """What comes before the first job. Dying for surroundings that are away would only make the way back longer."""
    state = Standstill()
    while True:
        try:
            may_work = context.guard.look() is None
            release_worker(context.db, context.worker)
            if may_work:
                tell_started(context)
            break
        except Exception as error:
            if not is_of_surroundings(error):
                raise
            state.failures += 1
            state.tell(error)
            time.sleep(AWAY_SECONDS)
    state.go_on()
    for act in (write_stored, renew_due) if may_work else ():
        try:
            act(context)
        except Exception as error:
            if not is_of_surroundings(error):
                raise
            # The relay has both done again within the minute.
            state.tell(error)


def run_worker(context: WorkerContext, connection: Redis, *, burst: bool = False) -> None:
    """Work until SIGTERM (the running job is ended first); with ``burst`` until the queue is empty.

    A broker or a database that is away is waited for. What an earlier process of the same name left undone is ready
    again at once. In the past (``batch.past``) it waits for ``igc restore``, and does nothing before.
    """
    install(context)
    _begin(context)
    worker: _Worker | None = None
    pause = 0.0
    while worker is None or not worker.stopping:
        try:
            time.sleep(pause)
            pause = _BROKEN_SECONDS
            worker = _Worker(
                [QUEUE_NAME],
                connection=connection,
                queue_class=WakeUpQueue,
                serializer=JSONSerializer,
                worker_ttl=_WORKER_TTL,
                log_job_description=False,
            )
            worker.job_seconds = context.policy.job_seconds
            worker.work(burst=burst, logging_level="WARNING", with_scheduler=False)
            if burst:
                return
        except StopRequested:
            return
        except RedisError as error:
            log.warning("the broker is away", error=str(error))
