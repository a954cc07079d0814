"""A plateforme at rest: what all its processes together use of a core, and who of them does."""

from __future__ import annotations

import time

from bench.measuring.figures import Book, Sample
from bench.measuring.processes import BENCH
from bench.measuring.window import Meter
from bench.plateforme.resting import settle

# Answers made ahead of any question are made slowly: those of the lots before take minutes.
_LONGEST_SECONDS = 240.0


def measure_idle(book: Book, *, seconds: float, rounds: int) -> None:
    """Enter idle_cpu_percent, and idle_cpu_percent_by_process of the last round."""
    settle(_LONGEST_SECONDS)
    samples = []
    for _ in range(rounds):
        meter = Meter()
        time.sleep(seconds)
        window = meter.read()
        samples.append(Sample(100 * window.plateforme / window.seconds, window.strangers_share))
    book.add("idle_cpu_percent", samples, 2)
    by_process = {
        role: round(100 * cpu / window.seconds, 2) for role, cpu in sorted(window.cpu.items()) if role != BENCH
    }
    book.note("idle_cpu_percent_by_process", by_process)
