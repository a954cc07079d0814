"""Whose turn it is to write to an SQLite file: one after the other, in the order of their coming.

SQLite lets one transaction write at a time, and who finds it taken sleeps and tries again: up to a tenth of a second
while the file is free, and whoever comes at the right moment passes before those who slept. So writers queue up before
they ask SQLite: inside a process by a queue of its own, among processes at a lock on a file beside the database, which
the system hands on as soon as it is free and takes back from a process that dies.

Order and quickness depend on this, correctness does not: whoever writes past it still meets SQLite's own lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.exc import TimeoutError as PoolTimeoutError

SUFFIX = "-turn"
"""What the name of the file beside the database ends with. It is empty, and may be removed while nobody runs."""


_TOO_LONG = "waited too long for the turn to write"


class TurnTimeoutError(PoolTimeoutError):
    """The turn did not come in time: ``waits.is_busy`` is true of it."""


class Turns:
    """The queue of the writers of one file, as this process sees it. Safe among threads, and across a fork."""

    def __init__(self, database: Path) -> None:
        """Nothing is opened before the first turn."""
        self._path = database.with_name(database.name + SUFFIX)
        self._door: _Door | None = None
        self._forget()
        _ALL.add(self)

    @contextlib.contextmanager
    def hold(self, seconds: float) -> Iterator[None]:
        """Have the turn inside the block; TurnTimeoutError when it has not come after ``seconds``."""
        deadline = time.monotonic() + seconds
        self._enter(seconds)
        try:
            with self._among_processes(deadline):
                yield
        finally:
            self._leave()

    def close(self) -> None:
        """Close the file; the next turn opens it again. Nobody may hold a turn."""
        if self._door is not None:
            self._door.close()
            self._door = None

    def after_fork(self) -> None:
        """A child has neither the threads nor the turn of its parent; a turn of its own is at a file of its own."""
        self.close()
        self._forget()

    def _forget(self) -> None:
        self._mutex = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Lock] = deque()

    def _enter(self, seconds: float) -> None:
        with self._mutex:
            if not self._taken:
                self._taken = True
                return
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        if mine.acquire(timeout=seconds):
            return
        with self._mutex:
            if mine in self._waiting:
                self._waiting.remove(mine)
                raise TurnTimeoutError(_TOO_LONG)
        # It came in the last moment.

    def _leave(self) -> None:
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False

    def _among_processes(self, deadline: float) -> contextlib.AbstractContextManager[None]:
        if self._door is None:
            try:
                self._door = _Door(self._path)
            except OSError:  # where no file can be made nothing can be written either: SQLite says it better
                return contextlib.nullcontext()
        return self._door.passed(deadline)


class _Door:
    """The lock on the file. One thread of this process at a time comes to it."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
        self.close = weakref.finalize(self, os.close, self._file)
        self._mutex = threading.Lock()
        self._sent = False  # a thread waits for the lock in our place: only the system's own wait is in order
        self._guest: threading.Lock | None = None  # who gets it then

    @contextlib.contextmanager
    def passed(self, deadline: float) -> Iterator[None]:
        """Have the lock inside the block; TurnTimeoutError when it is not had at ``deadline``."""
        self._take(deadline)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _take(self, deadline: float) -> None:
        with self._mutex:
            if not self._sent and self._is_free():
                return
            mine = self._guest = threading.Lock()
            mine.acquire()
            if not self._sent:
                self._sent = True
                threading.Thread(target=self._wait, name="turn to write", daemon=True).start()
        if mine.acquire(timeout=max(0.0, deadline - time.monotonic())):
            return
        with self._mutex:
            if self._guest is mine:
                self._guest = None
                raise TurnTimeoutError(_TOO_LONG)
        # It came in the last moment.

    def _is_free(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _wait(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_EX)
        with self._mutex:
            self._sent = False
            if self._guest is None:  # gave up meanwhile
                fcntl.flock(self._file, fcntl.LOCK_UN)
            else:
                self._guest.release()
                self._guest = None


_ALL: weakref.WeakSet[Turns] = weakref.WeakSet()


def _after_fork() -> None:
    for turns in tuple(_ALL):
        turns.after_fork()


os.register_at_fork(after_in_child=_after_fork)
