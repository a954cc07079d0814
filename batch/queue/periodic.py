"""Periodic work as one table: how often it is looked at, whether it is due, and which job does it; or what to warn of.

What is due stands in the database, so that a wiped queue, a second relay, a late or a double look change nothing but
the hour.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from batch.context import BatchPolicy
from batch.delegates import responders, seals
from batch.lists import crls
from batch.past import marks
from batch.past.guard import Guard
from batch.queue.rq import Job, WorkQueue
from batch.watching.alarms import Alarm, find_alarms, find_notice_alarms, find_trail_alarms
from batch.watching.expiry import Watched, find_endings
from batch.watching.published import find_stale_files
from registration.retraits import overdue
from registration.revocation import due, tries, weak_keys
from registration.sessions import keeping as sessions
from storage.database import Database

log = structlog.get_logger()

Due = Callable[[Database, BatchPolicy, datetime], bool]
Look = Callable[[Database, BatchPolicy, datetime], Iterable[Alarm]]

_STATUS_SECONDS = 30.0
_KEYS_SECONDS = 30.0
_ENDINGS_SECONDS = 3600.0
_NUMBERS_SECONDS = 10.0
_NOTICES_SECONDS = 600.0
_LIMITS_SECONDS = 10.0
# Lists follow a revocation within the minute.
_REVOCATIONS_SECONDS = 10.0
_TRIES_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Periodic:
    """One line of the table. ``job`` is sent when ``due`` says so; what ``look`` finds is logged as an alarm.

    ``at_once`` work is looked at when a relay starts, other work first when its time has passed.
    """

    name: str
    seconds: Callable[[BatchPolicy], float]
    due: Due | None = None
    job: Job | None = None
    look: Look | None = None
    at_once: bool = True


def _status_due(db: Database, policy: BatchPolicy, now: datetime) -> bool:
    return crls.any_due(db, policy, now) or responders.any_due(db, policy, now)


def _keys_due(db: Database, _policy: BatchPolicy, now: datetime) -> bool:
    return weak_keys.any_due(db, now)


def _limits_due(db: Database, _policy: BatchPolicy, now: datetime) -> bool:
    return overdue.any_due(db, now)


def _half_a_seal(policy: BatchPolicy) -> float:
    return policy.seal_every.total_seconds() / 2


TABLE: tuple[Periodic, ...] = (
    Periodic("lists and responders", lambda _policy: _STATUS_SECONDS, _status_due, Job.PUBLISH_CRLS, find_alarms),
    # What a plateforme writes when it starts need not be sealed line by line.
    Periodic("numbers", lambda _policy: _NUMBERS_SECONDS, lambda db, _p, _now: marks.any_low(db), Job.SEAL_TRAIL),
    Periodic("seal of the trail", _half_a_seal, seals.any_due, Job.SEAL_TRAIL, find_trail_alarms, at_once=False),
    Periodic("notices", lambda _policy: _NOTICES_SECONDS, look=lambda db, _p, now: find_notice_alarms(db, now)),
    # With the look at the lists that follows, a certificate is on its CRL within the minute of its limit.
    Periodic("limits", lambda _policy: _LIMITS_SECONDS, _limits_due, Job.KEEP_LIMITS),
    Periodic(
        "planned revocations",
        lambda _policy: _REVOCATIONS_SECONDS,
        lambda db, _p, now: due.any_due(db, now),
        Job.REVOKE_PLANNED,
    ),
    Periodic(
        "tries of codes",
        lambda _policy: _TRIES_SECONDS,
        lambda db, _p, now: tries.anything_to_forget(db, now) or sessions.anything_to_forget(db, now),
        Job.FORGET_TRIES,
        at_once=False,
    ),
    Periodic("keys", lambda _policy: _KEYS_SECONDS, _keys_due, Job.EXAMINE_KEYS, at_once=False),
)


def watching(watched: Watched) -> tuple[Periodic, ...]:
    """The lines for what stands in files: once an hour what no process renews by itself (``batch/watching/expiry``).

    More often, where the published files are on this machine, whether they are the lists in force.
    """
    endings = Periodic(
        "endings", lambda _policy: _ENDINGS_SECONDS, look=lambda db, _p, now: find_endings(db, watched, now)
    )
    if not watched.publication.is_dir():
        return (endings,)
    files = _Files(watched.publication)
    published = Periodic(
        "published files", lambda _policy: _STATUS_SECONDS, files.are_stale, Job.PUBLISH_CRLS, files.tell
    )
    return (endings, published)


class _Files:
    """Stale files are looked for once: to have them written, then to be told."""

    def __init__(self, publication: Path) -> None:
        self._publication = publication
        self._found: list[Alarm] = []

    def are_stale(self, db: Database, _policy: BatchPolicy, now: datetime) -> bool:
        self._found = find_stale_files(db, self._publication, now)
        return bool(self._found)

    def tell(self, _db: Database, _policy: BatchPolicy, _now: datetime) -> list[Alarm]:
        return self._found


def guarding(guard: Guard) -> Periodic:
    """The line that compares the database with what this machine knows without it; the guard itself tells the log."""

    def look(_db: Database, _policy: BatchPolicy, _now: datetime) -> Iterable[Alarm]:
        guard.look()
        return ()

    return Periodic("the past", lambda _policy: _STATUS_SECONDS, look=look)


class Schedule:
    """The table on the clock of one relay: monotonic, because the wall clock may be set."""

    def __init__(self, table: Sequence[Periodic], policy: BatchPolicy) -> None:
        """Nothing is looked at before ``run_due``."""
        self._policy = policy
        start = time.monotonic()
        self._next = [(start if line.at_once else start + line.seconds(policy), line) for line in table]

    def run_due(self, db: Database, queue: WorkQueue, now: datetime) -> None:
        """Look at every line whose time has come: send its job, tell its alarms.

        A line that fails is looked at again when its time comes, and raises here after its time was set.
        """
        for place, (at, line) in enumerate(self._next):
            if time.monotonic() < at:
                continue
            self._next[place] = (time.monotonic() + line.seconds(self._policy), line)
            if line.due is not None and line.job is not None and line.due(db, self._policy, now):
                queue.send(line.job)
            if line.look is not None:
                _tell(line.look(db, self._policy, now))


def _tell(alarms: Iterable[Alarm]) -> None:
    for alarm in alarms:
        say = log.error if alarm.urgent else log.warning
        fault = None if alarm.fault is None else alarm.fault.value
        say("about to expire", subject=alarm.subject.value, name=alarm.name, ends=alarm.ends, fault=fault)
