"""The time of a world, in the hands of its test."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from runtime.clock import system_clock

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def day_of_paris(days: int) -> date:
    """So many days from today, as operators count them: theirs is another day than UTC's for an hour or two."""
    return (datetime.now(ZoneInfo("Europe/Paris")) + timedelta(days=days)).date()


class Clock:
    """Time stands still until a test turns it; a clock made with None goes on with the wall's until it is stopped."""

    def __init__(self, now: datetime | None = NOON) -> None:
        self._stopped_at = now

    def __call__(self) -> datetime:
        return self.now

    @property
    def now(self) -> datetime:
        return system_clock() if self._stopped_at is None else self._stopped_at

    @now.setter
    def now(self, now: datetime) -> None:
        self._stopped_at = now

    def stop(self) -> Clock:
        """From this moment on it stands still."""
        self.now = self.now
        return self

    def advance(self, **duration: float) -> datetime:
        self.now += timedelta(**duration)
        return self.now
