"""A connection to an SQLite file that stays in the hands of this process, for reads that last a moment.

What SQLAlchemy does to lend a connection and to take it back costs more than a row found by its key. One is enough: a
read that lasts longer, or a second one beside it, has one of the pool.
"""

from __future__ import annotations

import sqlite3
import threading
from types import TracebackType
from typing import cast

from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError


class KeptConnection:
    """The connection; a context manager for whoever has taken it. Safe among threads, closed before a fork."""

    def __init__(self, engine: Engine) -> None:
        """``engine`` reads only. Nothing is opened before the first use."""
        self._engine = engine
        self._lock = threading.Lock()
        self._connection: Connection | None = None

    def take(self) -> bool:
        """Whether it is the caller's now, who enters and leaves it at once; False while another one has it."""
        return self._lock.acquire(blocking=False)

    def __enter__(self) -> Connection:
        """The connection, in a transaction of which nothing stays."""
        try:
            connection = self._connection
            if connection is None:
                connection = self._connection = self._engine.connect()
            _driver_of(connection).execute("BEGIN")
        except BaseException:
            self._give_back(keep=False)
            raise
        return connection

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._give_back(keep=kind is None or not issubclass(kind, SQLAlchemyError))

    def close(self) -> None:
        """Close it; the next use opens another one. Nobody may have taken it."""
        self._forget()

    def _give_back(self, *, keep: bool) -> None:
        try:
            if keep and self._connection is not None and not self._connection.invalidated:
                _driver_of(self._connection).rollback()
            else:
                self._forget()
        finally:
            self._lock.release()

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _driver_of(connection: Connection) -> sqlite3.Connection:
    return cast("sqlite3.Connection", connection.connection.driver_connection)
