"""The RQ worker: jobs run in this process, which has loaded code and keys once.

RQ's forking worker costs 17 ms a job and loads nothing beforehand; isolation between jobs is not needed here, since
a job that kills its process is taken up again from the rows.
"""

from __future__ import annotations

import signal
import time
from types import FrameType

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import SimpleWorker
from rq.exceptions import StopRequested
from rq.serializers import JSONSerializer
from rq.timeouts import BaseDeathPenalty

from batch.context import WorkerContext
from batch.crls import write_stored
from batch.jobs import install
from batch.queue import QUEUE_NAME
from batch.responders import renew_due
from batch.tasks import release_worker
from batch.told import tell_started

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
    """Knows whether its end was asked for, and takes no orders through the broker."""

    death_penalty_class = _EndOfProcess
    max_connection_wait_time = 2.0
    stopping = False

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Remember the signal, which RQ then obeys."""
        self.stopping = True
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]  # RQ does not annotate it

    def subscribe(self) -> None:
        """No channel of commands: only signals and the supervisor end a worker."""


def run_worker(context: WorkerContext, connection: Redis, *, burst: bool = False) -> None:
    """Work until SIGTERM (the running job is ended first); with ``burst`` until the queue is empty.

    A broker that is away is waited for. What an earlier process of the same name left undone is ready again at once.
    """
    install(context)
    tell_started(context)
    release_worker(context.db, context.worker)
    write_stored(context)
    renew_due(context)
    worker: _Worker | None = None
    pause = 0.0
    while worker is None or not worker.stopping:
        try:
            time.sleep(pause)
            pause = _BROKEN_SECONDS
            worker = _Worker(
                [QUEUE_NAME],
                connection=connection,
                serializer=JSONSerializer,
                default_result_ttl=0,
                worker_ttl=_WORKER_TTL,
                log_job_description=False,
            )
            worker.work(burst=burst, logging_level="WARNING", with_scheduler=False)
            if burst:
                return
        except StopRequested:
            return
        except RedisError as error:
            log.warning("the broker is away", error=str(error))
