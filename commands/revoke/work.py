"""The work of ``igc revoke file``: block after block, no faster than allowed, until it is done or a signal comes."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from commands.stopping import stop_asked
from pki.authority import Authority
from registration.revocation.by_list import BLOCK, BlockDone, look, revoke_block
from registration.revocation.list_file import Line
from registration.rules.revocation import Outcome
from runtime.clock import system_clock
from runtime.throttle import TokenBucket
from storage.bulk import slices
from storage.database import Database

log = structlog.get_logger()

Report = Callable[[BlockDone], None]

LABELS = {
    Outcome.REVOKED: "révoqué",
    Outcome.STRENGTHENED: "raison changée",
    Outcome.UNCHANGED: "déjà révoqué",
    Outcome.EXPIRED: "expiré",
    Outcome.UNKNOWN: "inconnu",
    Outcome.AMBIGUOUS: "plusieurs autorités",
}


@dataclass(slots=True)
class Tally:
    """How far it went. ``others`` are further certificates of the same keys.

    ``samples`` are the last (serial, reason) of each authority, without those that expired and leave the lists.
    """

    total: int
    done: int = 0
    counts: Counter[Outcome] = field(default_factory=Counter)
    others: int = 0
    given_up: int = 0
    samples: dict[str, tuple[str, str]] = field(default_factory=dict)

    def add(self, block: BlockDone, now: datetime) -> None:
        """Count a block that is committed."""
        self.done += len(block.lines)
        self.counts.update(looked.outcome for looked in block.lines)
        self.others += len(block.others)
        self.given_up += len(block.given_up)
        for looked in block.lines:
            listed = looked.revoque_le is not None and looked.not_after is not None and looked.not_after > now
            if listed and looked.autorite is not None:
                self.samples[looked.autorite] = (looked.line.serial, looked.raison or "unspecified")


def work(
    db: Database,
    authorities: Mapping[str, Authority],
    lines: Sequence[Line],
    motif: str,
    per_second: float | None = None,
    report: Path | None = None,
) -> Tally:
    """Revoke what these lines ask for; what ends early, because a signal came, has ``done`` below ``total``."""
    tally = Tally(total=len(lines))
    # A block is never more than what a second allows.
    size = BLOCK if per_second is None else max(1, min(BLOCK, int(per_second)))
    with stop_asked() as stop, _progress(tally) as advance, _report(report) as write:
        bucket = None if per_second is None else TokenBucket(per_second, size, wait=stop.wait)
        for part in slices(lines, size):
            if stop.is_set():
                break
            block = look(db, part, authorities, system_clock())
            changes = sum(looked.outcome.is_change for looked in block)
            if bucket is not None and changes and not bucket.take(changes):
                break
            done = revoke_block(db, block, system_clock, motif)
            tally.add(done, system_clock())
            write(done)
            advance()
    return tally


@contextmanager
def _progress(tally: Tally) -> Iterator[Callable[[], None]]:
    """A bar on a terminal, a line of the log for each block elsewhere."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda: log.info(
            "certificates revoked", done=tally.done, total=tally.total, revoked=tally.counts[Outcome.REVOKED]
        )
        return
    columns = (TextColumn("Révocation"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=tally.total)
        yield lambda: progress.update(task, completed=tally.done)


@contextmanager
def _report(path: Path | None) -> Iterator[Report]:
    """The result of each line as CSV, written as it comes; further certificates of the same keys have no line."""
    if path is None:
        yield lambda _done: None
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(("ligne", "autorite", "serie", "raison", "resultat", "revoque_le"))

        def write(done: BlockDone) -> None:
            for looked in done.lines:
                line = looked.line
                writer.writerow(
                    (
                        line.number,
                        looked.autorite,
                        line.serial,
                        looked.raison,
                        LABELS[looked.outcome],
                        _date(looked.revoque_le),
                    )
                )
            for one in done.others:
                writer.writerow(
                    (
                        "",
                        one.autorite,
                        one.serial,
                        one.raison,
                        f"{LABELS[one.outcome]} (même clé)",
                        _date(one.revoque_le),
                    )
                )
            file.flush()

        yield write


def _date(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(timespec="seconds")
