"""No faster than so many a second: a token bucket on a monotonic clock."""

from __future__ import annotations

import time
from collections.abc import Callable


class TokenBucket:
    """``burst`` tokens at the beginning, ``per_second`` more each second, never more than ``burst``."""

    def __init__(
        self,
        per_second: float,
        burst: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        """``clock`` gives seconds; ``wait`` is called with seconds, and may come back early to end the waiting."""
        if per_second <= 0 or burst < 1:
            raise ValueError("a rate and a burst are positive")
        self._rate = per_second
        self._burst = burst
        self._clock = clock
        self._wait = wait
        self._tokens = float(burst)
        self._counted_at = clock()

    def take(self, count: int) -> bool:
        """Wait until ``count`` tokens are there, and take them; False when ``wait`` gave true: nothing is taken.

        ValueError when they could never be there at once.
        """
        if count > self._burst:
            raise ValueError("more tokens than the bucket holds")
        while True:
            now = self._clock()
            self._tokens = min(self._burst, self._tokens + (now - self._counted_at) * self._rate)
            self._counted_at = now
            missing = count - self._tokens
            if missing <= 0:
                self._tokens -= count
                return True
            if self._wait(missing / self._rate):
                return False
