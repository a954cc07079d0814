"""Which certificates were issued, the newest first: whose answers are worth preparing.

A number is given when a certificate is prepared; it is signed a moment later, and transactions end in another order
than they began. A number that was passed before its certificate was there is looked at again for some minutes.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select

from storage import tables
from storage.database import Database

_PAGE = 100
_LOOKS = 300
_WAITING = 5_000
_RANGES = 100
_RECENT = 2_000  # more than workers prepare before they sign


@dataclass(frozen=True, slots=True)
class Issued:
    """An issued certificate, by its number."""

    number: int
    autorite: str
    serial: int
    not_after: datetime


class IssuedReader:
    """Gives every issued certificate until it is settled, newest first; for one thread. Errors are SQLAlchemy's."""

    def __init__(self, db: Database) -> None:
        """Nothing is read yet."""
        self._db = db
        self._seen = 0
        self._ranges: deque[tuple[int, int]] = deque(maxlen=_RANGES)  # above it, up to it; the newest last
        self._waiting: dict[int, int] = {}  # number: how often it was looked at

    @property
    def waiting(self) -> int:
        """How many were passed and are not settled."""
        return len(self._waiting)

    def page(self) -> list[Issued] | None:
        """The newest that were not given yet, newest first; None when there is nothing older either."""
        with self._db.read() as session:
            newest = session.scalar(select(func.max(tables.Certificat.id))) or 0
        if newest > self._seen:
            self._ranges.append((self._seen, newest))
            self._seen = newest
        if not self._ranges:
            return None
        above, top = self._ranges[-1]
        found = self._rows((tables.Certificat.id > above) & (tables.Certificat.id <= top))
        self._ranges.pop()
        if len(found) == _PAGE:
            bottom = min(found)
            self._ranges.append((above, bottom - 1))
            above = bottom - 1
        issued = [one for one in found.values() if one is not None]
        # Those of the page until they are settled, and those that a transaction under way may still bring.
        for number in {one.number for one in issued}.union(range(max(above, self._seen - _RECENT) + 1, top + 1)):
            if len(self._waiting) < _WAITING:
                self._waiting[number] = 0
        return issued

    def late(self) -> list[Issued]:
        """Some of those that were passed and are not settled, if they are issued now."""
        looked = list(self._waiting)[:_PAGE]
        if not looked:
            return []
        found = self._rows(tables.Certificat.id.in_(looked))
        for number in looked:
            count = self._waiting.pop(number) + 1
            if count < _LOOKS:
                self._waiting[number] = count
        return [one for one in found.values() if one is not None]

    def settle(self, number: int) -> None:
        """This one need not be given again."""
        self._waiting.pop(number, None)

    def drop_older(self) -> None:
        """Nobody wants what is older than the last page."""
        self._ranges.clear()

    def _rows(self, which: ColumnElement[bool]) -> dict[int, Issued | None]:
        """A page of rows by number, the newest first; None for one that is not signed yet."""
        row = tables.Certificat
        with self._db.read() as session:
            found = session.execute(
                select(row.id, row.autorite, row.serial, row.not_after, row.emis_le)
                .where(which)
                .order_by(row.id.desc())
                .limit(_PAGE)
            ).all()
        return {
            number: Issued(number, autorite, int(serial, 16), not_after) if issued else None
            for number, autorite, serial, not_after, issued in found
        }
