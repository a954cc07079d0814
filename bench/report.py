"""latest.json for programs, latest.md and a table for people: each figure with its spread and the strangers' share."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.meanings import MEANINGS
from bench.measuring.figures import Book, Figure

_BY_SET = (
    "lot_rsa4096_ratio",
    "lot_rsa4096_cpu_ratio",
    "lot_rsa4096_first_s",
    "single_ratio",
    "single_wait_p95_ms",
    "follow_up_ratio",
    "deposit_ratio",
    "mixed_p95_ms",
    "idle_cpu_percent",
    "memory_peak_mb",
    "campaign_cpu_us",
    "campaign_cost_growth",
    "campaign_bytes_per_item",
    "campaign_memory_growth",
)
_PROFILE = "profile_"
_Table = tuple[str, tuple[str, ...], list[tuple[str, ...]]]
_COLUMNS = ("mesure", "médiane", "de", "à", "autres", "sens")

Sets = Mapping[str, Mapping[int, Book]]


def write(main: Book, sets: Sets, results: Path, console: Console) -> None:
    """Write both files into ``results`` and print the tables; ``sets`` are by name and number of workers."""
    results.mkdir(parents=True, exist_ok=True)
    values = main.as_json()
    values["sets"] = {
        name: {str(workers): book.as_json() for workers, book in books.items()} for name, books in sets.items()
    }
    (results / "latest.json").write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n")
    columns = {f"{name}, {workers}": book for name, books in sets.items() for workers, book in books.items()}
    tables = [
        ("Mesures", _COLUMNS, list(_rows(main))),
        ("Par jeu de services et nombre de processus de signature", ("mesure", *columns), list(_by_set(columns))),
        *_profiles({"2048": main, **columns}),
    ]
    lines = [line for title, header, rows in tables for line in (f"## {title}", "", *_markdown(header, rows), "")]
    (results / "latest.md").write_text("\n".join([*lines, *_rest(main)]) + "\n")
    for title, header, rows in tables:
        if rows:
            _print(title, header, rows, console)


def _profiles(columns: Mapping[str, Book]) -> Iterator[_Table]:
    """Where the CPU of a lot goes; the small authority stands in the main book alone."""
    for name, book in columns.items():
        bits = 2048 if name == "2048" else 4096
        for key, header in ((f"{_PROFILE}rsa{bits}", "étape"), (f"{_PROFILE}rsa{bits}_by_process", "processus")):
            if (found := book.values.get(key)) is not None:
                rows: list[tuple[str, ...]] = [(stage, f"{us:.1f}") for stage, us in found.items()]
                yield f"{key} ({name})", (header, "µs par certificat"), rows


def _rows(book: Book) -> Iterator[tuple[str, ...]]:
    for name, meaning in MEANINGS.items():
        if (figure := book.figures.get(name)) is not None:
            digits = book.digits[name]
            low, high = (f"{value:.{digits}f}" for value in figure.spread)
            yield name, f"{figure.median:.{digits}f}", low, high, _percent(figure), meaning
        elif name in book.values:
            yield name, str(book.values[name]), "", "", "", meaning


def _by_set(columns: Mapping[str, Book]) -> Iterator[tuple[str, ...]]:
    for name in _BY_SET:
        if any(name in book.figures or name in book.values for book in columns.values()):
            yield name, *(_short(book, name) for book in columns.values())


def _short(book: Book, name: str) -> str:
    figure = book.figures.get(name)
    if figure is None:
        return str(book.values.get(name, "-"))
    digits = book.digits[name]
    low, high = figure.spread
    return f"{figure.median:.{digits}f} ({low:.{digits}f}–{high:.{digits}f}, {_percent(figure)})"


def _percent(figure: Figure) -> str:
    return f"{100 * figure.strangers:.0f} %"


def _rest(book: Book) -> Iterator[str]:
    """What stands in no table."""
    told = {name: value for name, value in book.values.items() if not name.startswith(_PROFILE)}
    plain: dict[str, Any] = {name: value for name, value in told.items() if name not in MEANINGS}
    plain |= {name: _short(book, name) for name in book.figures if name not in MEANINGS}
    return (f"- {name} : {value}" for name, value in plain.items())


def _markdown(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield f"| --- |{' ---: |' * (len(header) - 1)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def _print(title: str, header: tuple[str, ...], rows: list[tuple[str, ...]], console: Console) -> None:
    table = Table(title=title, title_justify="left")
    for column in header:
        table.add_column(column)
    for row in rows:
        table.add_row(*row)
    console.print(table)
