"""The date of each line of the trail against the checkpoints around it: what was written afterwards shows.

A line is sealed within minutes. One that is dated before the checkpoint that did not cover it yet, or after the one
that does, was not written when it says; one that waited for hours was written while nobody sealed, or later.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from audit.context import Audit
from audit.findings import Topic
from audit.reading.rows import snapshot
from audit.trail.published import RESTORED
from storage import tables

_PAGE = 500
# Dated at its beginning, an act is committed at most as long afterwards as a writer waits.
_WAITING = timedelta(seconds=60)
_CLOCKS = timedelta(minutes=5)
_LATE = timedelta(hours=1)
_checkpoint = tables.Scellement


class SealDates:
    """Takes the lines in their order, and reads the checkpoints beside them. One finding a kind for each checkpoint."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._seals = _checkpoints(audit)
        self._before: datetime | None = None
        self._seal: Any = next(self._seals, None)
        self._told: set[str] = set()
        self._late: str | None = None
        self._late_dates: list[datetime] = []

    def check(self, line: tables.PisteAudit) -> None:
        """Compare one line."""
        while self._seal is not None and self._seal.numero < line.numero:
            self.conclude()
            self._before = self._seal.date
            self._seal = next(self._seals, None)
            self._told.clear()
        if self._before is not None and line.date < self._before - _WAITING - _CLOCKS:
            self._found(line, "before", f"datée d'avant le scellement précédent ({_shown(self._before)})")
        if line.acte == RESTORED:
            self._audit.report.checked["restaurations de la base"] += 1
        if self._seal is None:
            return
        if line.date > self._seal.date + _CLOCKS:
            self._found(line, "after", f"datée d'après son premier scellement ({_shown(self._seal.date)})")
        elif self._seal.date - line.date > _LATE and self._in_scope():
            self._late = self._late or f"ligne {line.numero}"
            self._late_dates = [*self._late_dates[:1], line.date]
        if line.acte == RESTORED and self._waited_in_a_backup():
            self._late = None

    def conclude(self) -> None:
        """The last line of a checkpoint was given: say what waited too long for it."""
        if self._late is not None and self._seal is not None:
            text = f"et suivantes : scellées plus d'une heure après leur date, le {_shown(self._seal.date)}"
            self._audit.report.add(Topic.TRAIL, self._late, text)
        self._late = None
        self._late_dates = []

    def _waited_in_a_backup(self) -> bool:
        """Whether the late lines may be those that were not sealed yet when the backup was made.

        They waited for the restoration, which is told itself. They are of one hour, for whoever seals was at work then;
        the line of a restoration that never was excuses no more.
        """
        return not self._late_dates or self._late_dates[-1] - self._late_dates[0] <= _LATE

    def _in_scope(self) -> bool:
        """A checkpoint that was late once stays so: it is told by the audits whose scope it is in."""
        since = self._audit.scope.since
        return since is None or bool(self._seal.date >= since)

    def _found(self, line: tables.PisteAudit, kind: str, text: str) -> None:
        if kind not in self._told:
            self._told.add(kind)
            self._audit.report.add(Topic.TRAIL, f"ligne {line.numero}", text)


def _shown(date: datetime) -> str:
    return f"{date:%d/%m/%Y %H:%M:%S} UTC"


def _checkpoints(audit: Audit) -> Iterator[Any]:
    last = -1
    while True:
        with snapshot(audit.db) as session:
            rows = session.execute(
                select(_checkpoint.numero, _checkpoint.date)
                .where(_checkpoint.numero > last)
                .order_by(_checkpoint.numero)
                .limit(_PAGE)
            ).all()
        yield from rows
        if len(rows) < _PAGE:
            return
        last = rows[-1].numero
