"""Lot after lot on one plateforme: does an item cost more when there are many, how do tables and memory grow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console

from bench.corpus import Stock
from bench.measures.lots import Round, play
from bench.measuring.figures import Book, Sample
from bench.measuring.memory import Memory
from bench.plateforme.database_size import table_sizes
from bench.plateforme.resting import settle
from bench.plateforme.sets import Plateforme
from bench.profiling.samples import Samples

_LARGEST_TABLES = 8


@dataclass(frozen=True, slots=True)
class _Lot:
    round: Round
    sizes: Mapping[str, int]
    memory: Memory


def measure_campaign(
    plateforme: Plateforme, stock: Stock, book: Book, samples: Samples, console: Console, *, lots: int, items: int
) -> None:
    """Enter campaign_*: rate and cost of each lot, and how cost, tables and memory grew from the first to the last."""
    before = table_sizes(plateforme.settings)
    played: list[_Lot] = []
    for rank in range(lots):
        settle()
        with Memory() as memory:
            found = play(plateforme, f"campaign-{rank}", stock.take(items), samples)
        played.append(_Lot(found, table_sizes(plateforme.settings), memory))
        console.print(f"  lot {rank + 1}/{lots} : {found.per_second:.0f}/s, {found.cost:.0f} µs par certificat")
    first, last = played[0], played[-1]
    shares = [lot.round.window.strangers_share for lot in played]
    book.note("campaign_lots", lots)
    book.note("campaign_items", items)
    book.add_all(
        shares,
        {
            "campaign_per_s": ([lot.round.per_second for lot in played], 1),
            "campaign_cpu_us": ([lot.round.cost for lot in played], 1),
            "campaign_deposit_s": ([lot.round.deposit.seconds for lot in played], 3),
        },
    )
    ends = (shares[0] + shares[-1]) / 2
    book.add("campaign_cost_growth", [Sample(last.round.cost / first.round.cost, ends)], 3)
    _enter_tables(book, before, last.sizes, lots * items)
    _enter_memory(book, first.memory, last.memory)


def _enter_tables(book: Book, before: Mapping[str, int], after: Mapping[str, int], items: int) -> None:
    grown = {table: (size - before.get(table, 0)) / items for table, size in after.items()}
    largest = sorted(grown.items(), key=lambda pair: -pair[1])[:_LARGEST_TABLES]
    book.note("campaign_bytes_per_item", round(sum(grown.values())))
    book.note("campaign_bytes_per_item_by_table", {table: round(size) for table, size in largest})


def _enter_memory(book: Book, first: Memory, last: Memory) -> None:
    book.note("campaign_memory_first_mb", first.peaks_mb)
    book.note("campaign_memory_last_mb", last.peaks_mb)
    if first.peak_mb and last.peak_mb:
        book.note("campaign_memory_growth", round(last.peak_mb / first.peak_mb, 3))
