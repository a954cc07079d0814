"""What ``igc-client`` shows: results on standard output, everything else on standard error.

On a terminal: tables and live bars. Elsewhere: one fact a line and ``;`` between columns, without colours. With
``--json``: one JSON document on standard output, names of the contract.
"""

from __future__ import annotations

import contextlib
import csv
import io
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Protocol

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from clients.service import RetryNotice
from clients.values import SuiviLot

_PLAIN_SECONDS = 2.0
"""Without a terminal, progress is one line at most each so many seconds."""


class Bar(Protocol):
    """A progress bar, live or in lines."""

    def update(self, done: int, total: int, text: str = "") -> None:
        """Shows that ``done`` of ``total`` are done."""


class Display:
    """Where one run of the command writes."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self._out = Console(highlight=False, soft_wrap=True)
        self._err = Console(stderr=True, highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """A remark about the run."""
        self._err.print(Text(text))

    def alert(self, text: str) -> None:
        """Why the run failed."""
        self._err.print(Text(text, style="bold red"))

    def on_retry(self, notice: RetryNotice) -> None:
        """A call failed and will be tried again."""
        trial = f"essai {notice.failures + 1} sur {notice.attempts}"
        self.say(f"{notice.error} Nouvel essai dans {notice.delay:.1f} s ({trial}).")

    def result(self, value: object, text: str) -> None:
        """The outcome of the run: ``value`` for programs, ``text`` for people."""
        if self.as_json:
            document = msgspec.json.format(msgspec.json.encode(value), indent=2)
            sys.stdout.write(document.decode("utf-8") + "\n")
        elif text:
            self._out.print(Text(text))

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Rows for people; nothing with ``--json``, where ``result`` carries them."""
        if self.as_json:
            return
        if not self._out.is_terminal:
            text = io.StringIO()
            writer = csv.writer(text, delimiter=";", lineterminator="\n")
            writer.writerow(columns)
            writer.writerows([show(cell) for cell in row] for row in rows)
            sys.stdout.write(text.getvalue())
            return
        table = Table(*columns, header_style="bold")
        for row in rows:
            table.add_row(*(Text(show(cell)) for cell in row))
        self._out.print(table)

    @contextlib.contextmanager
    def bar(self, label: str) -> Iterator[Bar]:
        """A progress bar on standard error for the length of the block."""
        if not self._err.is_terminal:
            yield _PlainBar(self, label)
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[text]}"),
        )
        with Progress(*columns, console=self._err) as progress:
            yield _LiveBar(progress, label)


class _LiveBar:
    def __init__(self, progress: Progress, label: str) -> None:
        self._progress = progress
        self._task = progress.add_task(label, total=None, text="")

    def update(self, done: int, total: int, text: str = "") -> None:
        self._progress.update(self._task, completed=done, total=total, text=text)


class _PlainBar:
    def __init__(self, display: Display, label: str) -> None:
        self._display = display
        self._label = label
        self._said = 0.0

    def update(self, done: int, total: int, text: str = "") -> None:
        if done < total and time.monotonic() - self._said < _PLAIN_SECONDS:
            return
        self._said = time.monotonic()
        self._display.say(f"{self._label} : {done}/{total}" + (f" ({text})" if text else ""))


def show(cell: object) -> str:
    """One value as people read it; nothing for None."""
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return f"{cell.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    if isinstance(cell, tuple):
        return " ".join(str(part) for part in cell)
    return str(cell)


def counters(suivi: SuiviLot) -> str:
    """The counters of a lot that are not zero, in the order of a demande's life; each demande is counted once."""
    named = (
        ("enregistrées", suivi.enregistrees),
        ("validées", suivi.validees),
        ("transmises à l'AC", suivi.transmises - suivi.a_retirer),
        ("à retirer", suivi.a_retirer),
        ("retirées", suivi.closes),
        ("rejetées", suivi.rejetees),
        ("non traitées", suivi.non_traitees),
        ("annulées", suivi.annulees),
    )
    return ", ".join(f"{label} {count}" for label, count in named if count)
