"""The RQ queue: a wake-up call between relay and workers, nothing that may not be lost.

Jobs travel as JSON: with RQ's default pickle, whoever can write to the broker could run code beside the CA keys.
"""

from __future__ import annotations

from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

QUEUE_NAME = "igc"
_MARK = "igc:known:"
_FAILURE_TTL = 3600


def connect(url: str) -> Redis:
    """A connection to ``redis://``, ``rediss://`` or ``unix://``; made when first used."""
    # A Unix socket has no keepalive, and redis-py refuses the option there.
    options = {} if url.startswith("unix") else {"socket_keepalive": True}
    return Redis.from_url(url, health_check_interval=15, **options)


class WorkQueue:
    """What the relay needs of RQ."""

    def __init__(self, connection: Redis, *, job_timeout: int) -> None:
        """``job_timeout`` in seconds ends a job that hangs; its rows come back when their lease is over."""
        self._connection = connection
        self._queue = Queue(QUEUE_NAME, connection=connection, serializer=JSONSerializer)
        self._timeout = job_timeout

    def send_tasks(self, pairs: list[tuple[int, int]], *, urgent: bool) -> None:
        """Enqueue one job for some (outbox id, attempt)."""
        self._enqueue("batch.jobs.run_tasks", [list(pair) for pair in pairs], urgent=urgent)

    def send_crl_publication(self) -> None:
        """Enqueue the publication of the CRLs that are due."""
        self._enqueue("batch.jobs.publish_crls", urgent=True)

    def send_sealing(self) -> None:
        """Enqueue a checkpoint of the audit trail; it waits its turn."""
        self._enqueue("batch.jobs.seal_trail", urgent=False)

    def _enqueue(self, function: str, *args: object, urgent: bool) -> None:
        self._queue.enqueue_call(
            function,
            args=args,
            timeout=self._timeout,
            result_ttl=0,
            failure_ttl=_FAILURE_TTL,
            at_front=urgent,
        )

    def backlog(self) -> int:
        """How many jobs nobody has taken yet."""
        return self._queue.count

    def lost_its_data(self) -> bool:
        """Whether the broker was emptied or restarted since the last call of any relay: jobs may be gone.

        It was when it lacks the mark that a call leaves for the broker's own run.
        """
        run = self._connection.info("server")["run_id"]
        return bool(self._connection.set(f"{_MARK}{run}", 1, nx=True))
