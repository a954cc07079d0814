"""A stretch of time: how long it was, what each process used of it, and the share of the cores that strangers took."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.measuring.processes import BENCH, Usage, usages

_TICK = 1 / os.sysconf("SC_CLK_TCK")
_CORES = sorted(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True)
class Window:
    """Seconds: of the clock, of CPU by role, of CPU that the cores were idle and that strangers had.

    ``start`` and ``end`` are those of the monotonic clock. Interrupts count as strangers', for nobody can tell whose
    they are.
    """

    start: float
    end: float
    cpu: Mapping[str, float]
    idle: float
    strangers: float

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.end - self.start

    @property
    def strangers_share(self) -> float:
        """Of all that the cores could do."""
        return self.strangers / (self.seconds * len(_CORES))

    @property
    def plateforme(self) -> float:
        """CPU seconds of all but the bench."""
        return sum(seconds for role, seconds in self.cpu.items() if role != BENCH)

    @property
    def bench(self) -> float:
        """CPU seconds of the bench and its clients: their polls, not what the plateforme does for them."""
        return self.cpu.get(BENCH, 0.0)


class Meter:
    """Begins when made; ``read`` may be called again and again, ``lap`` begins a new window where the former ends."""

    def __init__(self) -> None:
        """Looks at every process below this one."""
        self._last = _Look()

    def read(self) -> Window:
        """What happened since the beginning."""
        return _between(self._last, _Look())

    def lap(self) -> Window:
        """As ``read``."""
        before, self._last = self._last, _Look()
        return _between(before, self._last)


class _Look:
    def __init__(self) -> None:
        self.idle = _idle_seconds()
        self.usages = usages()
        self.at = time.monotonic()


def _between(before: _Look, after: _Look) -> Window:
    cpu = cpu_between(before.usages, after.usages)
    whole = (after.at - before.at) * len(_CORES)
    idle = min(after.idle - before.idle, whole)
    return Window(before.at, after.at, cpu, idle, max(0.0, whole - idle - sum(cpu.values())))


def cpu_between(before: Mapping[int, Usage], after: Mapping[int, Usage]) -> dict[str, float]:
    """CPU seconds by role. What ended meanwhile stands with the role of whoever buried it.

    Who is buried takes his whole life with him into the account of his parent: the part before ``before`` is taken off.
    """
    spent: dict[str, int] = {}
    for pid, usage in after.items():
        old = before.get(pid, Usage(usage.role, 0, 0))
        spent[usage.role] = spent.get(usage.role, 0) + usage.own - old.own + usage.buried - old.buried
    for pid, usage in before.items():
        if pid not in after:
            spent[usage.role] = spent.get(usage.role, 0) - usage.own - usage.buried
    return {role: ns / 1e9 for role, ns in spent.items()}


def _idle_seconds() -> float:
    """What the cores that are ours had nothing to do for, or nothing but disks to wait for, since the start."""
    names = {f"cpu{core}" for core in _CORES}
    total = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, _, numbers = line.partition(" ")
        if name in names:
            fields = numbers.split()
            total += int(fields[3]) + int(fields[4])
    return total * _TICK
