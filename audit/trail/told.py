"""What every part of the comparison with the trail shares: where findings go, which lines came since it was read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

import msgspec
from sqlalchemy import select

from audit.context import Audit
from audit.findings import Topic
from audit.reading.rows import KeyColumn, count, name_of, pages, snapshot
from storage import tables

_T = TypeVar("_T")
_certificat, _line = tables.Certificat, tables.PisteAudit


@dataclass
class Reading:
    """How far the trail was read: the date of its first line, the numero of the last one."""

    audit: Audit
    began: datetime | None = None
    read: int = 0

    def found(self, line: Any, text: str) -> None:  # noqa: ANN401 -- a line, or its row
        """Name a line."""
        self.audit.report.add(Topic.TRAIL, f"ligne {line.numero}", text)

    def found_at(self, subject: str, text: str) -> None:
        """Name something else."""
        self.audit.report.add(Topic.TRAIL, subject, text)

    def told_meanwhile(self, needle: str, acte: str) -> bool:
        """Whether a line written since the trail was read has these words of JSON."""
        with snapshot(self.audit.db) as session:
            later = session.scalars(select(_line.contenu).where(_line.numero > self.read, _line.acte == acte))
            return any(needle in contenu for contenu in later)

    def later(self, acte: str, kind: type[_T]) -> list[_T]:
        """What the lines of an act say that were written since the trail was read."""
        with snapshot(self.audit.db) as session:
            lines = session.scalars(select(_line.contenu).where(_line.numero > self.read, _line.acte == acte))
            return [msgspec.json.decode(contenu, type=kind) for contenu in lines]

    def untold(self, acte: str, moment: Any, told: set[int], text: str) -> None:  # noqa: ANN401 -- a column of dates
        """Name the certificates that something befell since the first line, and that are not among those told."""
        condition = moment >= self.began
        if count(self.audit.db, condition) <= len(told):
            return
        query = select(_certificat.id, _certificat.autorite, _certificat.serial, _certificat.id_demande)
        key: KeyColumn = _certificat.id
        for rows, _ in pages(self.audit.db, query.where(condition), key, lambda _session, _rows: None):
            for row in rows:
                named = f'"{row.autorite}","{row.serial}"'
                if short(row.autorite, row.serial) not in told and not self.told_meanwhile(named, acte):
                    self.found_at(name_of(row), text)


class Part(Protocol):
    """One kind of acts against its rows."""

    def check(self, line: tables.PisteAudit) -> None:
        """Compare one line; msgspec's errors when it cannot be read."""

    def conclude(self) -> None:
        """Say what the whole of the trail should have told, or told last."""


def short(autorite: str, serial: str) -> int:
    """Eight octets of a hash: what is kept in memory of a certificate that the trail named."""
    return int.from_bytes(hashlib.sha256(f"{autorite} {serial}".encode()).digest()[:8], "big")
