"""The one place that reads the wall clock; everything else is given a ``Clock``.

On a plateforme of TEST the settings may shift it, so that what is due in days can be played today.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


class _Shift:
    by = timedelta(0)


def shift_clock(by: timedelta) -> None:
    """From now on ``system_clock`` of this process is so much ahead of the machine's."""
    _Shift.by = by


def system_clock() -> datetime:
    """Now, aware, UTC."""
    return datetime.now(UTC) + _Shift.by


def backdated(now: datetime, by: timedelta, *floors: datetime) -> datetime:
    """The moment ``by`` before now, or the latest of ``floors`` when that is later; never after now."""
    return min(now, max((now - by, *floors)))
