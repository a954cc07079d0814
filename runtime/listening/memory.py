"""Memory given back to the system when many connections have gone: glibc keeps what it was given, until it is asked."""

from __future__ import annotations

import ctypes
import gc
import platform
from collections.abc import Callable

_FEW = 200
_EVERY = 10.0  # seconds


def _glibc_trim() -> Callable[[int], object] | None:
    if platform.libc_ver()[0] != "glibc":
        return None
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None


class Trimmer:
    """Watches how many connections are open; once half of many are gone, the memory of the others goes too."""

    def __init__(self, trim: Callable[[int], object] | None = None) -> None:
        """``trim`` is malloc_trim(3); without glibc nothing is done."""
        self._trim = trim or _glibc_trim()
        self._peak = 0
        self._not_before = 0.0

    def look(self, connections: int, now: float) -> None:
        """Told regularly how many there are at ``now``, in seconds of a monotonic clock."""
        self._peak = max(self._peak, connections)
        if self._trim is None or now < self._not_before or self._peak - connections < max(_FEW, connections):
            return
        self._peak, self._not_before = connections, now + _EVERY
        gc.collect()
        self._trim(0)
