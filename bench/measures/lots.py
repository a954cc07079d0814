"""A large lot: how fast it is signed beside bare signatures, how fast it is accepted beside a bare parse.

A round is a deposit and its signatures, between two windows of bare signatures; the same number of items under another
reference and with other keys each time, on one plateforme.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.corpus import Stock
from bench.floors.parse import bare_parse_seconds
from bench.floors.signatures import Signatures, mean
from bench.measuring.figures import Book, Sample, between
from bench.measuring.processes import peak_resident
from bench.measuring.window import Meter, Window
from bench.plateforme.following import Signed, wait_signed
from bench.plateforme.messages import deposit_message, number
from bench.plateforme.resting import settle
from bench.plateforme.sets import Plateforme
from bench.profiling.samples import Samples
from commands.trial.fictitious import HOPITAL


@dataclass(frozen=True, slots=True)
class Round:
    """One lot: seconds of a bare parse of its bytes, the windows until accepted and from there until signed.

    ``examination`` is what the look at keys certified before took of the latter, in µs for each item.
    """

    index: int
    items: int
    size: int
    deposit: Window
    parse: float
    signed: Signed
    window: Window
    examination: float

    @property
    def per_second(self) -> float:
        """Certificates."""
        return self.items / self.window.seconds

    @property
    def cost(self) -> float:
        """µs of CPU of the plateforme for each certificate."""
        return self.us(self.window.plateforme) - self.examination

    def us(self, seconds: float) -> float:
        """µs for each item."""
        return 1e6 * seconds / self.items


def play(plateforme: Plateforme, reference: str, csrs: Sequence[bytes], samples: Samples) -> Round:
    """Deposit a lot and wait for its last signature; RuntimeError when an item is refused."""
    body = deposit_message(reference, csrs, HOPITAL)
    parse = bare_parse_seconds(body)
    with plateforme.wire() as wire:
        meter = Meter()
        index = number(wire.call(body), "indexLot")
        deposit = meter.lap()
        signed = wait_signed(wire, index, len(csrs))
        window = meter.read()
    examination = samples.examination_us(window) / len(csrs)
    return Round(index, len(csrs), len(body), deposit, parse, signed, window, examination)


def measure_lots(
    plateforme: Plateforme,
    stock: Stock,
    book: Book,
    floor: Callable[[], Signatures],
    samples: Samples,
    *,
    bits: int,
    items: int,
    rounds: int,
) -> list[Round]:
    """Enter lot_rsa*, raw_rsa* and deposit_* into the book; gives the rounds."""
    settle()

    def act(rank: int) -> tuple[Round, Window]:
        return play(plateforme, f"bench-{bits}-{rank}", stock.take(items), samples), settle()

    found = between(rounds, act, floor=floor)
    _enter_lots(book, f"rsa{bits}", [(one, after, mean(floors)) for (one, after), floors in found])
    each = [one for (one, _), _ in found]
    book.note("deposit_bytes", each[0].size)
    book.add("bare_parse_s", [Sample(one.parse) for one in each], 4)
    book.add_all(
        [one.deposit.strangers_share for one in each],
        {
            "deposit_s": ([one.deposit.seconds for one in each], 4),
            "deposit_ratio": ([one.deposit.seconds / one.parse for one in each], 2),
        },
    )
    book.note("deposit_peak_mb", round(peak_resident("ws"), 1))
    return each


def _enter_lots(book: Book, name: str, played: Sequence[tuple[Round, Window, Signatures]]) -> None:
    """The wall clock says what a user sees, the CPU what it costs whoever else is on the machine."""
    strangers = [one.window.strangers_share for one, _, _ in played]
    columns = {
        f"raw_{name}_per_s": ([raw.per_second for _, _, raw in played], 1),
        f"raw_{name}_cpu_us": ([raw.cpu_us for _, _, raw in played], 1),
        f"lot_{name}_per_s": ([one.per_second for one, _, _ in played], 1),
        f"lot_{name}_ratio": ([one.per_second / raw.per_second for one, _, raw in played], 3),
        f"lot_{name}_cpu_us": ([one.cost for one, _, _ in played], 1),
        f"lot_{name}_cpu_ratio": ([raw.cpu_us / one.cost for one, _, raw in played], 3),
        f"lot_{name}_examination_us": ([one.examination for one, _, _ in played], 1),
        f"lot_{name}_idle_us": ([one.us(one.window.idle) for one, _, _ in played], 1),
        f"lot_{name}_after_us": ([one.us(after.plateforme) for one, after, _ in played], 1),
        f"lot_{name}_first_s": ([one.signed.first_seconds for one, _, _ in played], 2),
        f"lot_{name}_polls_ws_us": ([one.us(one.window.cpu.get("ws", 0)) for one, _, _ in played], 1),
        f"lot_{name}_polls_bench_us": ([one.us(one.window.bench) for one, _, _ in played], 1),
    }
    book.add_all(strangers, columns)
    book.note(f"lot_{name}_polls", [one.signed.polls for one, _, _ in played])
