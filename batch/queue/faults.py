"""Whose fault a failure is: of the surroundings, which stop every item alike, or of the items at hand."""

from __future__ import annotations

import sqlite3

from redis.exceptions import RedisError
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from batch.past.errors import PastError
from batch.past.marks import MarksError
from pki.errors import SignerError
from storage.database import NoNumberLeftError
from storage.trail import TrailError

_SURROUNDINGS = (
    OSError,
    MemoryError,
    SignerError,
    TrailError,
    RedisError,
    PoolTimeoutError,
    PastError,
    MarksError,
    NoNumberLeftError,
)


def is_of_surroundings(error: BaseException) -> bool:
    """Whether database, disk, signer, trail or broker failed, or the plateforme has stopped.

    Then no item is to blame, and none loses a try. Of the database's errors only those about values are an item's own.
    In doubt it is the item's, and it is tried alone: what waits for ever helps nobody.
    """
    if isinstance(error, IntegrityError):
        # No value of a demande can break a trigger: ours only keep the history and the trail from being changed.
        return getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_CONSTRAINT_TRIGGER
    if isinstance(error, DBAPIError):
        return not isinstance(error, DataError)
    return isinstance(error, _SURROUNDINGS)
