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
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

import msgspec
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from clients.cli.failures import Failure
from clients.contract.values import LigneHistorique, SuiviLot
from clients.service.lots import RetryNotice
from clients.text import printable

_PLAIN_SECONDS = 2.0
"""Without a terminal, progress is one line at most each so many seconds."""


_NEVER_FOLDED = 14
"""Columns up to so many characters stay on one line; longer ones share what is left, so many each at least."""
_FOLDED_LEAST = 10
_FOLDED_WELL = 24
"""Beyond so many characters, a column is worth folding before another is left out."""
_GAP = 2


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

    @property
    def is_terminal(self) -> bool:
        """Whether results are read by people, on a screen."""
        return self._out.is_terminal

    def say(self, text: str) -> None:
        """A remark about the run."""
        self._err.print(Text(text), soft_wrap=not self._err.is_terminal)

    def alert(self, text: str) -> None:
        """Why the run failed."""
        self._err.print(Text(text, style="bold red"), soft_wrap=not self._err.is_terminal)

    def on_retry(self, notice: RetryNotice) -> None:
        """A call failed and will be tried again."""
        trial = f"essai {notice.failures + 1} sur {notice.attempts}"
        delay = f"{notice.delay:.1f}".replace(".", ",")
        self.say(f"{notice.error} Nouvel essai dans {delay} s ({trial}).")

    def result(self, value: object, text: str) -> None:
        """The outcome of the run: ``value`` for programs, ``text`` for people."""
        if self.as_json:
            document = msgspec.json.format(msgspec.json.encode(value), indent=2)
            sys.stdout.write(document.decode("utf-8") + "\n")
        elif text:
            self._out.print(Text(text))

    def failure(self, failure: Failure) -> None:
        """Why the run failed: for people on standard error, with ``--json`` as a document on standard output too."""
        if failure.texte:
            place = [f"demande {failure.position}"] if failure.position is not None else []
            place += [f"champ {failure.champ}"] if failure.champ else []
            place += [f"incident {failure.incident}"] if failure.incident else []
            code = f"{failure.code} : " if failure.code else ""
            self.alert(f"{code}{failure.texte}" + (f" ({', '.join(place)})" if place else ""))
        # A single fault stands in the text already.
        for faute in failure.fautes if len(failure.fautes) > 1 else ():
            self.alert(f"  - {printable(str(faute))}")
        if failure.autres_fautes:
            self.alert(f"  ... et {failure.autres_fautes} autre(s).")
        if self.as_json:
            self.result({"erreur": failure}, "")

    def table(
        self, columns: Sequence[str], rows: Sequence[Sequence[object]], *, least_useful: Sequence[str] = ()
    ) -> None:
        """Rows for people; nothing with ``--json``, where ``result`` carries them.

        On a terminal, columns without any value are left out, and as many of ``least_useful`` as it is too narrow for.
        """
        if self.as_json:
            return
        shown = [[show(cell) for cell in row] for row in rows]
        if not self._out.is_terminal:
            text = io.StringIO()
            writer = csv.writer(text, delimiter=";", lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(shown)
            sys.stdout.write(text.getvalue())
            return
        widths = {
            column: max(cell_len(column), *(cell_len(row[place]) for row in shown), 0)
            for place, column in enumerate(columns)
            if not shown or any(row[place] for row in shown)
        }
        hidden = _too_many(widths, least_useful, self._out.width)
        table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold")
        kept = {column: width for column, width in widths.items() if column not in hidden}
        # Nothing is ever cut: columns that cannot stay on one line are folded, all of them where it comes to that.
        rigid = [width for width in kept.values() if width <= _NEVER_FOLDED]
        fits = sum(rigid) + _FOLDED_LEAST * (len(kept) - len(rigid)) + _GAP * len(kept) <= self._out.width
        for column, width in kept.items():
            table.add_column(column, overflow="fold", no_wrap=fits and width <= _NEVER_FOLDED)
        for row in shown:
            table.add_row(*(Text(row[columns.index(column)]) for column in kept))
        self._out.print(table)
        if hidden:
            self.say(f"Colonnes omises faute de place : {', '.join(hidden)} ; --json les donne.")

    def steps(self, history: Sequence[LigneHistorique]) -> None:
        """The history of a demande, one step a line; the last column is who acted in the place of the acteur."""
        rows = [
            (
                step.date,
                step.code_action,
                step.etat,
                step.canal,
                step.type_acteur,
                step.acteur or "",
                step.administrateur,
            )
            for step in history
        ]
        columns = ("date", "action", "état", "canal", "type d'acteur", "acteur", "administrateur")
        self.table(columns, rows, least_useful=("type d'acteur",))

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


def _too_many(widths: Mapping[str, int], least_useful: Sequence[str], room: int) -> list[str]:
    """The columns to leave out, the first of ``least_useful`` first, until the others fit or none is left to go."""
    hidden: list[str] = []
    for column in least_useful:
        needed = sum(min(width, _FOLDED_WELL) + _GAP for name, width in widths.items() if name not in hidden) - _GAP
        if needed <= room:
            break
        if column in widths:
            hidden.append(column)
    return hidden


def utf8_streams() -> None:
    """Standard output and error in UTF-8 unless a terminal says otherwise; what cannot be written is replaced.

    A pipe or a file of Windows would get the old code page of the system, in which JSON is not JSON.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            encoding = stream.encoding if stream.isatty() else "utf-8"
            stream.reconfigure(encoding=encoding, errors="backslashreplace")


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
