"""The RQ queue: a wake-up call between relay and workers, nothing that may not be lost.

Jobs travel as JSON: with RQ's default pickle, whoever can write to the broker could run code beside the CA keys.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import structlog
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError
from rq import Queue
from rq.exceptions import DequeueTimeout, StopRequested
from rq.job import Job as RqJob
from rq.serializers import JSONSerializer
from rq.worker_registration import get_keys

from runtime.errors import OperatorError

log = structlog.get_logger()

QUEUE_NAME = "igc"
_MARK = "igc:known:"
# A job of which nobody hears any more: its rows are sent again long before.
_FORGOTTEN_SECONDS = 24 * 3600
_MOST_TASKS = 10_000
_MOST_WORKERS = 1_000


def connect(url: str) -> Redis:
    """A connection to ``redis://``, ``rediss://`` or ``unix://``; made when first used."""
    # A Unix socket has no keepalive, and redis-py refuses the option there.
    options = {} if url.startswith("unix") else {"socket_keepalive": True}
    return Redis.from_url(url, health_check_interval=15, **options)


class QueueRefusedError(OperatorError):
    """The queue cannot be used. What is ``lasting`` stays so until somebody mends it."""

    def __init__(self, reason: str, *, lasting: bool) -> None:
        super().__init__(f"la file de travaux refuse : {reason}")
        self.reason = reason
        self.lasting = lasting


def check_queue(url: str) -> None:
    """QueueRefusedError with its reason, never with an address or an account, when the server does not serve us.

    On a connection of its own: those of a worker wait longer for an answer.
    """
    try:
        with connect(url) as connection:
            connection.ping()
            connection.llen(QUEUE_NAME)
    except AuthenticationError:
        raise QueueRefusedError("compte ou mot de passe refusé (queue_password_file)", lasting=True) from None
    except NoPermissionError:
        raise QueueRefusedError("ce compte n'y a pas droit", lasting=True) from None
    except ResponseError as error:
        # A server without TLS that is asked for it, or of another kind, answers anything; an old one words it itself.
        if "auth" in str(error).lower():
            raise QueueRefusedError("mot de passe attendu (queue_password_file)", lasting=True) from None
        raise QueueRefusedError("ce serveur n'est pas une file Redis ou Valkey", lasting=True) from None
    except RedisError as error:
        tls = "certificate" in str(error).lower()
        text = "certificat TLS refusé" if tls else "connexion impossible ou perdue"
        raise QueueRefusedError(text, lasting=tls) from None


def refuse_unfit(url: str) -> None:
    """QueueRefusedError when nobody but a person can mend it; a server that is away is waited for."""
    try:
        check_queue(url)
    except QueueRefusedError as error:
        if error.lasting:
            raise


class Job(StrEnum):
    """The jobs that there are, each by the name of its function in ``batch/queue/jobs.py``."""

    RUN_TASKS = "batch.queue.jobs.run_tasks"
    PUBLISH_CRLS = "batch.queue.jobs.publish_crls"
    SEAL_TRAIL = "batch.queue.jobs.seal_trail"
    EXAMINE_KEYS = "batch.queue.jobs.examine_keys"
    KEEP_LIMITS = "batch.queue.jobs.keep_limits"
    REVOKE_PLANNED = "batch.queue.jobs.revoke_planned"
    FORGET_TRIES = "batch.queue.jobs.forget_tries"


def read_call(job: RqJob) -> tuple[Job, list[Any]] | None:
    """Which of ``Job`` a job asks for, and its arguments; None for one that the relay has not made.

    No callback, webhook, instance or keyword, no dependency, no shared limit, nothing tried again or repeated: each
    names a function, an address or a job of the broker's choice. Nothing of the job is run to find out, and bytes that
    are no job are not ours.
    """
    try:
        name, args = job.func_name, list(job.args)
        bare = not job.kwargs and job.instance is None
    except Exception:  # noqa: BLE001 -- bytes of whoever can write to the broker
        return None
    if not bare or _hangs_on(job) or name not in set(Job):
        return None
    call = Job(name)
    fits = (len(args) == 1 and _are_pairs(args[0])) if call is Job.RUN_TASKS else not args
    return (call, args) if fits else None


def _hangs_on(job: RqJob) -> bool:
    callbacks = (job._success_callback_name, job._failure_callback_name, job._stopped_callback_name)  # noqa: SLF001 -- RQ resolves the public ones by importing
    followed = (job.webhooks, job.dependency_ids, job.group_id, job.rate_limit_key, job.retries_left, job.repeats_left)
    return any(callbacks) or any(followed)


def _are_pairs(value: object) -> bool:
    return isinstance(value, list) and len(value) <= _MOST_TASKS and all(map(_is_pair, value))


def _is_pair(value: object) -> bool:
    """The id of a row and the number of a try, such as the columns can hold."""
    if not isinstance(value, list) or [type(number) for number in value] != [int, int]:
        return False
    ident, attempt = value
    return bool(0 < ident < 2**63 and 0 <= attempt < 2**31)


class WakeUpQueue(Queue):
    """RQ's queue as a worker reads it: what cannot be read is dropped and said aloud, and the next one is taken."""

    @classmethod
    def dequeue_any(cls, *args: Any, **kwargs: Any) -> tuple[RqJob, Queue] | None:  # noqa: ANN401 -- as RQ's
        """As RQ's."""
        while True:
            try:
                return super().dequeue_any(*args, **kwargs)
            except (RedisError, DequeueTimeout, StopRequested):
                raise
            except Exception as error:  # noqa: BLE001 -- bytes of whoever can write to the broker
                log.error("job refused", why=type(error).__name__)  # noqa: TRY400 -- the trace is that of a reader

    @classmethod
    def lmove(cls, connection: Redis, queue_key: str, timeout: int | None) -> Any:  # noqa: ANN401 -- as RQ's
        """Take without leaving a copy for RQ's cleaning: a job that is lost is sent again from its rows."""
        return cls.lpop([queue_key], timeout, connection=connection)


class WorkQueue:
    """What the relay needs of RQ."""

    def __init__(self, connection: Redis) -> None:
        self._connection = connection
        self._queue = Queue(QUEUE_NAME, connection=connection, serializer=JSONSerializer)

    def send_tasks(self, pairs: list[tuple[int, int]], *, urgent: bool) -> None:
        """Enqueue one job for some (outbox id, attempt)."""
        self._enqueue(Job.RUN_TASKS, [list(pair) for pair in pairs], urgent=urgent)

    def send(self, job: Job) -> None:
        """Enqueue a job without arguments; a list that is due passes before what waits, a seal waits its turn."""
        self._enqueue(job, urgent=job is Job.PUBLISH_CRLS)

    def _enqueue(self, job: Job, *args: object, urgent: bool) -> None:
        self._queue.enqueue_call(job.value, args=args, ttl=_FORGOTTEN_SECONDS, at_front=urgent)

    def backlog(self) -> int:
        """How many jobs nobody has taken yet."""
        return self._queue.count

    def workers(self) -> int:
        """How many workers listen: those that have given the broker a sign of life lately."""
        keys = sorted(get_keys(queue=self._queue))[:_MOST_WORKERS]
        return int(self._connection.exists(*keys)) if keys else 0

    def lost_its_data(self) -> bool:
        """Whether the broker was emptied or restarted since the last call of any relay: jobs may be gone.

        It was when it lacks the mark that a call leaves for the broker's own run.
        """
        run = self._connection.info("server")["run_id"]
        return bool(self._connection.set(f"{_MARK}{run}", 1, nx=True))
