"""Lots of one demande from a few clients: how many a second, and how long each waits for its certificate.

First each client sends all of its own and then waits for the last (what the plateforme can do), then each waits for a
certificate before it asks for the next one (what a client sees).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench.corpus import Stock
from bench.floors.signatures import Signatures, mean
from bench.measuring.figures import Book, between
from bench.measuring.window import Meter, Window
from bench.plateforme.following import wait_signed
from bench.plateforme.http import Wire
from bench.plateforme.messages import deposit_message, number
from bench.plateforme.resting import settle
from bench.plateforme.sets import Plateforme
from commands.trial.fictitious import HOPITAL

CLIENTS = 4
_TWENTIETHS = 20


@dataclass(frozen=True, slots=True)
class _Round:
    count: int
    window: Window
    waits: Sequence[float] = ()

    @property
    def per_second(self) -> float:
        return self.count / self.window.seconds


def measure_singles(
    plateforme: Plateforme, stock: Stock, book: Book, floor: Callable[[], Signatures], *, count: int, rounds: int
) -> None:
    """Enter single_ratio, single_item_per_s, single_cpu_us and single_wait_*_ms, of rounds of ``count``."""
    settle()
    found = between(rounds, lambda rank: _at_once(plateforme, f"single-{rank}", stock.take(count)), floor=floor)
    rounds_done = [one for one, _ in found]
    book.add_all(
        [one.window.strangers_share for one in rounds_done],
        {
            "single_item_per_s": ([one.per_second for one in rounds_done], 1),
            "single_ratio": ([one.per_second / mean(floors).per_second for one, floors in found], 3),
            "single_cpu_us": ([1e6 * one.window.plateforme / one.count for one in rounds_done], 0),
        },
    )
    settle()
    waited = [_one_by_one(plateforme, f"wait-{rank}", stock.take(count // 2)) for rank in range(rounds)]
    book.add_all(
        [one.window.strangers_share for one in waited],
        {
            "single_one_by_one_per_s": ([one.per_second for one in waited], 1),
            "single_wait_p50_ms": ([1e3 * percentile(one.waits, _TWENTIETHS // 2) for one in waited], 1),
            "single_wait_p95_ms": ([1e3 * percentile(one.waits, _TWENTIETHS - 1) for one in waited], 1),
        },
    )


def percentile(values: Sequence[float], twentieths: int) -> float:
    """The value below which so many twentieths lie."""
    return statistics.quantiles(values, n=_TWENTIETHS)[twentieths - 1]


def in_clients(work: Callable[[int], Sequence[float]]) -> list[float]:
    """What each client gives, together; the first error of any is raised."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        return [value for values in pool.map(work, range(CLIENTS)) for value in values]


def one_certificate(wire: Wire, reference: str, csr: bytes) -> float:
    """Seconds from the deposit of one demande until it is seen signed."""
    start = time.perf_counter()
    wait_signed(wire, number(wire.call(deposit_message(reference, [csr], HOPITAL)), "indexLot"), 1)
    return time.perf_counter() - start


def _at_once(plateforme: Plateforme, reference: str, csrs: Sequence[bytes]) -> _Round:
    def client(rank: int) -> Sequence[float]:
        with plateforme.wire() as wire:
            bodies = [
                deposit_message(f"{reference}-{place}", [csrs[place]], HOPITAL)
                for place in range(rank, len(csrs), CLIENTS)
            ]
            for index in [number(wire.call(body), "indexLot") for body in bodies]:
                wait_signed(wire, index, 1)
        return ()

    meter = Meter()
    in_clients(client)
    return _Round(len(csrs), meter.read())


def _one_by_one(plateforme: Plateforme, reference: str, csrs: Sequence[bytes]) -> _Round:
    def client(rank: int) -> Sequence[float]:
        with plateforme.wire() as wire:
            places = range(rank, len(csrs), CLIENTS)
            return [one_certificate(wire, f"{reference}-{place}", csrs[place]) for place in places]

    meter = Meter()
    waits = in_clients(client)
    return _Round(len(csrs), meter.read(), waits)
