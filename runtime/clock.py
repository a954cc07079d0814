"""The one place that reads the wall clock; everything else is given a ``Clock``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """Now, aware, UTC."""
    return datetime.now(UTC)


def backdated(now: datetime, by: timedelta, *floors: datetime) -> datetime:
    """The moment ``by`` before now, or the latest of ``floors`` when that is later; never after now."""
    return min(now, max((now - by, *floors)))
