"""The relay: sends what the outbox owes to the queue, and again whatever is not done in time.

Relay and sweeper are the same query: a row without a living lease is ready. So a dead worker, an emptied queue and a
restarted plateforme need no special path.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator

import structlog
from redis.exceptions import RedisError

from batch import crls, responders, sealing, tasks
from batch.alarms import Alarm, find_alarms, find_trail_alarms
from batch.context import BatchPolicy
from batch.endings import Watched, find_endings
from batch.queue import WorkQueue
from batch.tasks import Task
from registration.outbox import Nature
from runtime.clock import Clock, system_clock
from storage.database import Database

log = structlog.get_logger()

_BUSY_SECONDS = 0.01
_EPOCH_SECONDS = 0.5
_CRL_SECONDS = 30.0
_ENDINGS_SECONDS = 3600.0
_BROKEN_SECONDS = 1.0
_BACKLOG_WINDOWS = 2


class Relay:
    """One per plateforme is enough; several do no harm (rows are locked while they are taken)."""

    def __init__(
        self,
        db: Database,
        queue: WorkQueue,
        policy: BatchPolicy,
        clock: Clock = system_clock,
        watched: Watched | None = None,
    ) -> None:
        """Nothing is sent before ``run`` or ``run_once``. What is ``watched`` is looked at once an hour."""
        self._db = db
        self._queue = queue
        self._policy = policy
        self._clock = clock
        self._watched = watched
        self._next_endings = 0.0
        self._next_epoch = 0.0
        self._next_crl = 0.0
        # What a plateforme writes when it starts need not be sealed line by line.
        self._next_seal = time.monotonic() + policy.seal_every.total_seconds() / 2
        self._nobody_works = False

    def run(self, stop: threading.Event) -> None:
        """Send until ``stop`` is set; a broker or database that is away is waited for."""
        while not stop.is_set():
            try:
                sent = self.run_once()
            except Exception:
                log.exception("relay failed")
                stop.wait(_BROKEN_SECONDS)
                continue
            stop.wait(_BUSY_SECONDS if sent else self._policy.idle_seconds)

    def run_once(self) -> int:
        """One round; gives the number of tasks sent."""
        self._look_after_queue()
        if self._nobody_works:
            return 0
        ready = tasks.take_ready(self._db, self._policy, self._clock())
        groups = list(_groups(ready, self._policy.lots.chunk_size))
        for rank, group in enumerate(groups):
            pairs = [(task.id, task.attempt) for task in group]
            try:
                self._queue.send_tasks(pairs, urgent=group[0].rang == 0)
            except RedisError:
                unsent = [(task.id, task.attempt) for rest in groups[rank:] for task in rest]
                tasks.release(self._db, unsent, self._clock())
                raise
        return len(ready)

    def _look_after_queue(self) -> None:
        now = time.monotonic()
        if now >= self._next_epoch:
            self._next_epoch = now + _EPOCH_SECONDS
            if self._queue.lost_its_data():
                log.warning("queue is empty or new, sending again", tasks=tasks.release_unclaimed(self._db))
            # What is not claimed is sent again, but not for days into a queue that nobody empties.
            self._nobody_works = self._queue.backlog() > _BACKLOG_WINDOWS * self._policy.window
        if now >= self._next_crl:
            self._next_crl = now + _CRL_SECONDS
            self._look_after_status()
        if now >= self._next_seal:
            self._next_seal = now + self._policy.seal_every.total_seconds() / 2
            if sealing.any_due(self._db, self._policy, self._clock()):
                self._queue.send_sealing()
            _tell(find_trail_alarms(self._db, self._policy, self._clock()))
        if self._watched is not None and now >= self._next_endings:
            self._next_endings = now + _ENDINGS_SECONDS
            _tell(find_endings(self._db, self._watched, self._clock()))

    def _look_after_status(self) -> None:
        """Have due lists and responders made; say aloud what was not made in time."""
        now = self._clock()
        if crls.any_due(self._db, self._policy, now) or responders.any_due(self._db, self._policy, now):
            self._queue.send_crl_publication()
        _tell(find_alarms(self._db, self._policy, now))


def _tell(alarms: Iterable[Alarm]) -> None:
    for alarm in alarms:
        say = log.error if alarm.urgent else log.warning
        fault = None if alarm.fault is None else alarm.fault.value
        say("about to expire", subject=alarm.subject.value, name=alarm.name, ends=alarm.ends, fault=fault)


def _groups(ready: list[Task], size: int) -> Iterator[list[Task]]:
    """First tries of single demandes share a job, up to a chunk; everything else travels alone."""
    shared: list[Task] = []
    for task in ready:
        alone = task.nature is not Nature.ISSUE or task.attempt > 0 or len(task.numeros) >= size
        if alone:
            yield [task]
            continue
        if shared and sum(len(other.numeros) for other in shared) + len(task.numeros) > size:
            yield shared
            shared = []
        shared.append(task)
    if shared:
        yield shared
