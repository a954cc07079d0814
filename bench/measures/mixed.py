"""A large lot with single requests beside it: how long those wait, and what memory all processes take meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from bench.corpus import Stock
from bench.measures.lots import play
from bench.measures.singles import in_clients, one_certificate, percentile
from bench.measuring.figures import Book, Sample
from bench.measuring.memory import Memory
from bench.plateforme.resting import settle
from bench.plateforme.sets import Plateforme
from bench.profiling.samples import Samples

_P95, _P50 = 19, 10


def measure_mixed(
    plateforme: Plateforme, stock: Stock, book: Book, samples: Samples, *, items: int, singles: int
) -> None:
    """Enter mixed_p50_ms, mixed_p95_ms, and memory_peak_mb with its processes.

    Four clients ask for one certificate after another as long as the lot is signed, ``singles`` at the most.
    """
    settle()
    csrs, others = stock.take(items), iter(stock.take(singles))
    over, taking = threading.Event(), threading.Lock()

    def take() -> bytes | None:
        with taking:
            return None if over.is_set() else next(others, None)

    def client(rank: int) -> Sequence[float]:
        own: list[float] = []
        with plateforme.wire() as wire:
            while (csr := take()) is not None:
                own.append(one_certificate(wire, f"mixed-{rank}-{len(own)}", csr))
        return own

    waits: list[float] = []
    clients = threading.Thread(target=lambda: waits.extend(in_clients(client)))
    with Memory() as memory:
        clients.start()
        try:
            lot = play(plateforme, "mixed-lot", csrs, samples)
        finally:
            over.set()
            clients.join()
    share = lot.window.strangers_share
    book.note("mixed_singles", len(waits))
    book.add("mixed_lot_per_s", [Sample(lot.per_second, share)], 1)
    book.add("mixed_p50_ms", [Sample(1e3 * percentile(waits, _P50), share)], 1)
    book.add("mixed_p95_ms", [Sample(1e3 * percentile(waits, _P95), share)], 1)
    book.note("memory_peak_mb", memory.peak_mb)
    book.note("memory_peak_mb_by_process", memory.peaks_mb)
