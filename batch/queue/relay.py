"""The relay: sends what the outbox owes to the queue, and again whatever is not done in time.

Relay and sweeper are the same query: a row without a living lease is ready. So a dead worker, an emptied queue and a
restarted plateforme need no special path.
"""

from __future__ import annotations

import threading
import time

import structlog
from redis.exceptions import RedisError

from batch.context import BatchPolicy
from batch.past.guard import Guard, stopped
from batch.queue import leases
from batch.queue.grouping import travels_alone
from batch.queue.periodic import TABLE, Schedule, guarding, watching
from batch.queue.rq import WorkQueue
from batch.queue.standstill import Standstill
from batch.watching.expiry import Watched
from registration.life import signs
from registration.life.outbox import Task
from runtime.clock import Clock, system_clock
from storage.changes import Changes
from storage.database import Database

log = structlog.get_logger()

_BURST_SECONDS = 0.005
_ROWS_A_SHARED_JOB = 4  # so many rows of the window for each: two jobs at a time for three workers
_LOOK_SECONDS = 0.5
_LOOK_AT_REST_SECONDS = 5.0
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
        guard: Guard | None = None,
    ) -> None:
        """Nothing is sent before ``run`` or ``run_once``. What is ``watched`` is looked at once an hour.

        With a ``guard`` the relay too finds out that the database is not the one of before, and sends nothing then.
        """
        self._db = db
        self._queue = queue
        self._policy = policy
        self._clock = clock
        first = [] if guard is None else [guarding(guard)]
        last = [] if watched is None else watching(watched)
        self._schedule = Schedule([*first, *TABLE, *last], policy)
        self._next_epoch = self._next_sign = 0.0
        self._nobody_works = self._is_stopped = False
        self._owes = True
        self._shared: list[frozenset[int]] = []

    def run(self, stop: threading.Event) -> None:
        """Send until ``stop`` is set; a broker or database that is away is waited for."""
        changes = Changes(self._db.engine, stop, self._policy.idle_seconds)
        standstill = Standstill()
        while not stop.is_set():
            try:
                self.run_once()
            except Exception as error:  # noqa: BLE001 -- whatever it is, it is told and tried again
                standstill.failures += 1
                standstill.tell(error)
                stop.wait(_BROKEN_SECONDS)
                continue
            standstill.go_on()
            # Commits come in bursts: one look for several. What rests becomes ready without any commit.
            stop.wait(_BURST_SECONDS)
            changes.wait(_LOOK_SECONDS if self._owes else _LOOK_AT_REST_SECONDS)
        changes.close()

    def run_once(self) -> int:
        """One round; gives the number of tasks sent."""
        self._schedule.run_due(self._db, self._queue, self._clock())
        self._look_after_queue()
        if self._nobody_works or self._is_stopped:
            return 0
        now = self._clock()
        seen = leases.look(self._db, self._policy, now)
        self._owes = seen.is_any_owed
        if not seen.is_any_ready:
            return 0
        alone, shared = self._room(seen.held)
        if alone <= 0 and shared <= 0:
            return 0
        jobs = leases.take_ready(self._db, self._policy, now, alone=alone, shared=shared)
        self._send(jobs)
        size = self._policy.lots.chunk_size
        self._shared += [frozenset(task.id for task in job) for job in jobs if not travels_alone(job[0], size)]
        return sum(len(job) for job in jobs)

    def _room(self, held: int) -> tuple[int, int]:
        """How many more jobs may be in flight, of one task and of several; a shared one counts once.

        While as many are on their way as the workers do at a time, what comes in meanwhile waits and shares the next.
        """
        if self._shared:
            still = leases.still_held(self._db, frozenset().union(*self._shared))
            self._shared = [job for job in self._shared if job & still]
            held -= sum(len(job & still) - 1 for job in self._shared)
        most = max(1, self._policy.window // _ROWS_A_SHARED_JOB)
        return max(0, self._policy.window - held), max(0, most - len(self._shared))

    def _send(self, jobs: list[list[Task]]) -> None:
        for rank, job in enumerate(jobs):
            pairs = [(task.id, task.attempt) for task in job]
            try:
                self._queue.send_tasks(pairs, urgent=job[0].rang == 0)
            except RedisError:
                unsent = [(task.id, task.attempt) for rest in jobs[rank:] for task in rest]
                leases.release(self._db, unsent, self._clock())
                raise

    def _look_after_queue(self) -> None:
        now = time.monotonic()
        if now >= self._next_epoch:
            self._next_epoch = now + _LOOK_SECONDS
            if self._queue.lost_its_data():
                log.warning("queue is empty or new, sending again", tasks=leases.release_unclaimed(self._db))
            # What is not claimed is sent again, but not for days into a queue that nobody empties.
            self._nobody_works = self._queue.backlog() > _BACKLOG_WINDOWS * self._policy.window
            self._is_stopped = stopped(self._db) is not None
            self._give_sign()

    def _give_sign(self) -> None:
        """Tell who has no access to the queue that it has just answered, and who listens to it."""
        now = time.monotonic()
        if now >= self._next_sign:
            self._next_sign = now + signs.EVERY.total_seconds()
            waiting, workers = self._queue.backlog(), self._queue.workers()
            with self._db.write() as session:
                signs.give_sign(session, self._clock(), waiting, workers)
