"""Wait for what others commit, instead of asking the tables again and again."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from storage.pooling import is_pooled
from storage.sqlite.file_events import FileEvents

log = structlog.get_logger()

CHANNEL = "igc_travail"
"""Of PostgreSQL's NOTIFY: work is owed, or done."""

COUNTS = "igc_comptes"
"""Of PostgreSQL's NOTIFY: the counts of a lot have changed."""

_NOTIFY = {channel: text(f"NOTIFY {channel}") for channel in (CHANNEL, COUNTS)}
_UNTOLD = 0.05  # seconds between two looks at an SQLite file where the system does not tell of writes
_UNTIL_DURABLE = (0.001, 0.001, 0.002, 0.002, 0.004, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128)
_SLICE = 0.5  # how long a stop may have to wait for the system or the driver


def announce(session: Session, channel: str = CHANNEL) -> None:
    """Have the commit of this transaction end the waits of others; PostgreSQL alone has to be told."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_NOTIFY[channel])


class Changes:
    """What others commit: any transaction for a database file, those that ``announce`` on ``channel`` for PostgreSQL.

    A connection of its own, made at the first wait. Where none can be made, or where a pooler stands between, nothing
    is heard: a wait is over after ``deaf_seconds`` then, so that whoever waits looks for itself.
    """

    def __init__(self, engine: Engine, stop: threading.Event, deaf_seconds: float, *, channel: str = CHANNEL) -> None:
        """Nothing is opened here. ``stop`` ends every wait within a moment."""
        self._engine = engine
        self._channel = channel
        self._stop = stop
        self._deaf_seconds = deaf_seconds
        self._listen: Callable[[float], bool] | None = None
        self._close: Callable[[], None] | None = None

    def wait(self, seconds: float) -> bool:
        """Whether there was a commit since the last call; False after ``seconds`` without one."""
        try:
            if self._listen is None:
                self._listen, self._close = self._open()
            return self._listen(seconds)
        except (SQLAlchemyError, OSError, self._engine.dialect.loaded_dbapi.Error):
            self.close()
            return self._wait_deaf(seconds)

    def close(self) -> None:
        """Give up the connection; the next wait makes another."""
        if self._close is not None:
            self._close()
        self._listen = self._close = None

    def _open(self) -> tuple[Callable[[float], bool], Callable[[], None]]:
        if self._engine.dialect.name == "sqlite":
            file = _File(Path(str(self._engine.url.database)), self._stop)
            return file.wait, file.close
        connection = self._engine.raw_connection()
        driver: Any = connection.driver_connection
        connection.detach()
        driver.autocommit = True
        if is_pooled(driver):
            log.warning("a pooler stands before the database, nothing is heard of it")
            return self._wait_deaf, driver.close
        driver.execute(f"LISTEN {self._channel}")
        return partial(self._wait_told, driver), driver.close

    def _wait_told(self, driver: Any, seconds: float) -> bool:  # noqa: ANN401 -- the driver's connection
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and not self._stop.is_set():
            if any(True for _ in driver.notifies(timeout=min(left, _SLICE), stop_after=1)):
                return True
        return False

    def _wait_deaf(self, seconds: float) -> bool:
        self._stop.wait(min(seconds, self._deaf_seconds))
        return True


class _File:
    """SQLite counts the commits that a connection has not made itself (PRAGMA data_version): asking reads no table.

    The system says when it is worth asking: the log of the database was written to. Where it does not, time does.
    """

    def __init__(self, path: Path, stop: threading.Event) -> None:
        self._stop = stop
        self._connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)
        self._known = self._version()
        self._has_waited = False
        self._events: FileEvents | None = None
        with contextlib.suppress(OSError):
            self._events = FileEvents(path.with_name(f"{path.name}-wal"))

    def wait(self, seconds: float) -> bool:
        if not self._has_waited:
            self._has_waited = True
            return True  # what was before is not known
        deadline = time.monotonic() + seconds
        pauses: Iterator[float] = iter(())
        while (version := self._version()) == self._known:
            left = deadline - time.monotonic()
            if left <= 0 or self._stop.is_set():
                return False
            if self._events is None:
                self._stop.wait(min(left, _UNTOLD))
            elif (pause := next(pauses, None)) is not None:
                time.sleep(pause)
            elif self._events.wait(min(left, _SLICE)):
                # What was written counts when it is on the disk, some milliseconds later, and nothing tells of that.
                pauses = iter(_UNTIL_DURABLE)
        self._known = version
        return True

    def close(self) -> None:
        self._connection.close()
        if self._events is not None:
            self._events.close()

    def _version(self) -> int:
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(version)
