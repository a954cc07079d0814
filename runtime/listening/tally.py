"""What happens to many clients at once, as one line a minute with a count: a log must not grow with an attack."""

from __future__ import annotations

from collections import Counter

import structlog

log = structlog.get_logger()
_EVERY = 60.0  # seconds


class Tally:
    """Counts events of one listener. The first of a kind is told at the next ``tell``, then its count a minute."""

    def __init__(self) -> None:
        """Nothing counted yet."""
        self._counts: Counter[str] = Counter()
        self._told: dict[str, float] = {}

    def count(self, event: str) -> None:
        """One more; ``event`` is a constant name."""
        self._counts[event] += 1

    def tell(self, now: float) -> None:
        """Log what is due at ``now``, in seconds of a monotonic clock."""
        for event, count in tuple(self._counts.items()):
            if now - self._told.get(event, now - _EVERY) >= _EVERY:
                log.warning(event, count=count)
                self._told[event] = now
                del self._counts[event]

    def tell_rest(self) -> None:
        """Log what was counted and not told yet: the listener ends."""
        for event, count in self._counts.items():
            log.warning(event, count=count)
        self._counts.clear()
