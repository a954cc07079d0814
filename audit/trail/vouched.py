"""The lines of the history that the audit trail vouches for: whether they are still what they were, and all there."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from difflib import SequenceMatcher
from typing import Any

import msgspec
from sqlalchemy import func, select

from audit.context import Audit
from audit.findings import Topic
from audit.reading.rows import snapshot
from storage import tables

HISTORY = "HISTORIQUE"
_LOCATOR_DIGITS = 8
_UNSEALED = timedelta(hours=1)
_history = tables.Historique


class _Block(msgspec.Struct):
    de: int
    a: int
    nombre: int
    sha256: str
    reperes: str


class HistorySeals:
    """Follows the blocks of the trail, which must cover the history without a gap or an overlap."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._covered = 0

    def check(self, line: tables.PisteAudit) -> None:
        """Compare one block with the rows; msgspec's errors when the line cannot be read."""
        block = msgspec.json.decode(line.contenu, type=_Block)
        if block.de != self._covered + 1:
            self._found(f"lignes {self._covered + 1} à {block.de - 1}", "la piste d'audit ne s'en porte pas garante")
        self._covered = max(self._covered, block.a)
        with snapshot(self._audit.db) as session:
            rows = session.execute(
                select(*_history.__table__.columns).where(_history.id.between(block.de, block.a)).order_by(_history.id)
            ).all()
        digests = [_digest(row) for row in rows]
        self._audit.report.checked["lignes d'historique scellées"] += len(rows)
        if len(rows) != block.nombre or hashlib.sha256(b"".join(digests)).hexdigest() != block.sha256:
            self._name(block, [row.id for row in rows], digests)

    def _name(self, block: _Block, ids: Sequence[int], digests: Sequence[bytes]) -> None:
        """Say which lines differ: the block keeps the beginning of each line's digest."""
        size = _LOCATOR_DIGITS
        before = [block.reperes[start : start + size] for start in range(0, len(block.reperes), size)]
        now = [digest.hex()[:size] for digest in digests]
        matcher = SequenceMatcher(None, before, now, autojunk=False)
        steps = [step for step in matcher.get_opcodes() if step[0] != "equal"]
        if not steps:
            self._found(f"lignes {block.de} à {block.a}", "l'empreinte du bloc n'est plus la même")
        for what, first, last, start, end in steps:
            named = ", ".join(str(number) for number in ids[start:end])
            if what == "delete":
                after = ids[start - 1] if start else block.de - 1
                self._found(f"après la ligne {after}", f"{last - first} ligne(s) ont disparu")
            elif what == "insert":
                self._found(f"ligne {named}", "ajoutée après coup")
            else:
                gone = (last - first) - (end - start)
                also = f", {gone} autre(s) ont disparu" if gone > 0 else ""
                self._found(f"ligne {named}", f"modifiée depuis qu'elle est scellée{also}")

    def conclude(self) -> None:
        """Say which lines have been waiting for their seal too long."""
        with snapshot(self._audit.db) as session:
            oldest = session.scalar(select(func.min(_history.date)).where(_history.id > self._covered))
        if oldest is not None and self._audit.clock() - oldest > _UNSEALED:
            self._found(
                f"lignes après {self._covered}",
                f"la piste d'audit ne s'en porte pas garante depuis {oldest:%d/%m/%Y %H:%M} UTC",
            )

    def _found(self, subject: str, text: str) -> None:
        self._audit.report.add(Topic.HISTORY, subject, text)


def _digest(row: Sequence[Any]) -> bytes:
    values = [
        value.astimezone(UTC).isoformat(timespec="microseconds") if isinstance(value, datetime) else value
        for value in row
    ]
    return hashlib.sha256(msgspec.json.encode(values)).digest()
