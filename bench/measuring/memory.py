"""The memory of a plateforme while something happens: PSS, of which what processes share counts once."""

from __future__ import annotations

import threading
from typing import Self

from bench.measuring.processes import BENCH, proportional_memory

# A look at all processes costs them some milliseconds: once a second is felt by nobody.
_LOOK_SECONDS = 1.0


class Memory:
    """Looks once a second for the time of a ``with`` block.

    ``peaks_mb`` are those of each role, ``peak_mb`` that of their sum at one moment; None where this account may not
    look into processes that hold keys.
    """

    def __init__(self) -> None:
        """Nothing was looked at."""
        self.peaks_mb: dict[str, float] | None = {}
        self.peak_mb: float | None = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_often)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def _look_often(self) -> None:
        while True:
            self._look()
            if self._over.wait(_LOOK_SECONDS):
                return

    def _look(self) -> None:
        found = proportional_memory()
        if found is None or self.peaks_mb is None or self.peak_mb is None:
            self.peaks_mb = self.peak_mb = None
            return
        sizes = {role: size for role, size in found.items() if role != BENCH}
        self.peak_mb = max(self.peak_mb, round(sum(sizes.values()), 1))
        for role, size in sizes.items():
            self.peaks_mb[role] = max(self.peaks_mb.get(role, 0.0), round(size, 1))
