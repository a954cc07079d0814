"""The RQ worker: jobs run in this process, which has loaded code and keys once.

RQ's forking worker costs 17 ms a job and loads nothing beforehand; isolation between jobs is not needed here, since
a job that kills its process is taken up again from the rows.
"""

from __future__ import annotations

from redis import Redis
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from batch.context import WorkerContext
from batch.jobs import install
from batch.queue import QUEUE_NAME


def run_worker(context: WorkerContext, connection: Redis, *, burst: bool = False) -> None:
    """Work until SIGTERM (the running job is ended first); with ``burst`` until the queue is empty."""
    install(context)
    worker = SimpleWorker(
        [QUEUE_NAME],
        connection=connection,
        serializer=JSONSerializer,
        default_result_ttl=0,
        log_job_description=False,
    )
    worker.work(burst=burst, logging_level="WARNING", with_scheduler=False)
