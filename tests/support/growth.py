"""Does work grow with what it is given, or with its square? Measured as CPU time of this thread, never against a clock."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from functools import partial

_TIMES = 4  # as much input
_MOST = 9.0  # times as much work: linear work gives 4, quadratic 16
_FLOOR = 0.002  # seconds: below it the clock tells more about the machine than about the work


def cpu_seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """The least that ``work`` took, of a few times."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        best = float("inf")
        for _ in range(repeats):
            before = time.thread_time()
            work()
            best = min(best, time.thread_time() - before)
            if best < _FLOOR / 2:
                break
        return best
    finally:
        if enabled:
            gc.enable()


def grows_too_fast(work: Callable[[int], object], sizes: tuple[int, ...]) -> str | None:
    """What was seen when ``work`` of some size costs far more than its share of the next smaller one; else None.

    ``sizes`` rise by a factor of four. Stops at the first that is too much, so that even exponential work ends.
    """
    former: tuple[int, float] | None = None
    for size in sizes:
        seconds = cpu_seconds(partial(work, size))
        if former is not None and seconds > _MOST * max(former[1], _FLOOR):
            # Once more, for another process may have had the caches.
            again = cpu_seconds(partial(work, size), 5)
            before = cpu_seconds(partial(work, former[0]), 5)
            if again > _MOST * max(before, _FLOOR):
                return f"{former[0]}: {before:.4f} s, {size}: {again:.4f} s"
        former = (size, seconds)
    return None


def by_four(first: int, last: int) -> tuple[int, ...]:
    """Sizes from ``first`` to ``last`` at most."""
    sizes = [first]
    while sizes[-1] * _TIMES <= last:
        sizes.append(sizes[-1] * _TIMES)
    return tuple(sizes)
