"""How long a process waits for the database, and which errors say that it waited long enough.

Nobody waits for ever: each lock, statement, connection and idle transaction has a limit, on both databases.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

# SQLSTATEs of PostgreSQL (Appendix A of its manual): a class, or a code.
_BUSY_STATES = (
    "08",  # the connection is gone
    "40",  # rolled back for another transaction: deadlock, serialization
    "53",  # no memory, no disk, no connection left
    "55P03",  # the lock did not come in time
    "57",  # cancelled by a limit, or the server is stopping
    "25P03",  # idle for too long inside a transaction
)
_BUSY_CODES = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
_PRIMARY = 0xFF  # an extended result code of SQLite holds the primary one in its low octet


@dataclass(frozen=True, slots=True)
class Waits:
    """Limits in seconds. ``idle`` ends a transaction of ours that somebody forgot: its locks must not stay."""

    lock: float = 30.0
    statement: float = 300.0
    idle: float = 120.0
    connection: float = 10.0


BATCH = Waits()
"""For processes that nobody waits for: long statements are theirs, and a lock is worth waiting for."""

CANAL = Waits(lock=5.0, statement=20.0, idle=60.0, connection=5.0)
"""For processes that somebody stands before: better told to come again than kept."""


def is_busy(error: SQLAlchemyError) -> bool:
    """Whether the database could not serve in time, or not now: the same call may succeed later."""
    if isinstance(error, PoolTimeoutError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & _PRIMARY in _BUSY_CODES
    state = getattr(error.orig, "sqlstate", None)
    return error.connection_invalidated if state is None else str(state).startswith(_BUSY_STATES)
