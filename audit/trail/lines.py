"""The audit trail: whether its lines still follow from one another, end where they should, and agree with the rows.

How a line is hashed is written here a second time, from docs/piste-audit.md. After a fault the check goes on from what
is stored, so that one changed line is one finding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, timedelta

from sqlalchemy import func, select

from audit.context import Anchor, Audit
from audit.findings import Topic
from audit.reading.rows import snapshot
from audit.trail.acts import Acts
from audit.trail.dates import SealDates
from audit.trail.marks import anchor_of, read_marks
from storage import tables

_PAGE = 200
_NOTHING = bytes(32)
# What is written is sealed within a minute or so; a plateforme that stands still leaves its last lines for the morning.
_UNSEALED = timedelta(hours=1)
_line, _head, _checkpoint = tables.PisteAudit, tables.TeteAudit, tables.Scellement


def check_trail(audit: Audit) -> None:
    """Read every line of the trail in order, whatever the scope: a chain is checked whole or not at all."""
    with snapshot(audit.db) as session:
        total = session.scalar(select(func.count()).select_from(_line)) or 0
    audit.meter.start("Piste d'audit", total)
    acts = Acts(audit)
    numero, digest = 0, _NOTHING
    anchors = {
        words: anchor
        for words, anchor in (
            ("à un contrôle précédent (ancre différente)", audit.scope.anchor),
            ("quand elle a été scellée (repères différents)", anchor_of(read_marks(audit))),
        )
        if anchor is not None
    }
    dates = SealDates(audit)
    for lines in _pages(audit):
        for line in lines:
            _check_line(audit, line, numero, digest)
            dates.check(line)
            for words, anchor in anchors.items():
                if line.numero == anchor.numero and bytes(line.empreinte) != anchor.empreinte:
                    _found(audit, line.numero, f"n'est plus ce qu'elle était {words}")
            numero, digest = line.numero, bytes(line.empreinte)
        acts.check(lines)
        audit.meter.advance(len(lines))
        audit.report.checked["lignes de piste"] += len(lines)
    for anchor in dict.fromkeys(anchors.values()):
        if numero < anchor.numero:
            _found(audit, anchor.numero, f"a disparu : la piste s'arrête à la ligne {numero}")
    dates.conclude()
    _check_head(audit, numero, digest)
    acts.conclude()
    _check_unsealed(audit, numero)
    audit.report.anchor = Anchor(numero, digest) if numero else None


def _pages(audit: Audit) -> Iterator[Sequence[tables.PisteAudit]]:
    last = -1
    while True:
        with snapshot(audit.db) as session:
            rows = session.scalars(select(_line).where(_line.numero > last).order_by(_line.numero).limit(_PAGE)).all()
        if rows:
            yield rows
        if len(rows) < _PAGE:
            return
        last = rows[-1].numero


def _check_line(audit: Audit, line: tables.PisteAudit, before: int, previous: bytes) -> None:
    if line.numero != before + 1:
        missing = f"{before + 1}" if line.numero == before + 2 else f"{before + 1} à {line.numero - 1}"
        _found(audit, line.numero, f"ne suit pas la ligne {before} : il manque {missing}")
        return
    if _digest(previous, line) != bytes(line.empreinte):
        text = "ne suit pas de la précédente : l'une des deux a été modifiée" if before else "a été modifiée"
        _found(audit, line.numero, text)


def _digest(previous: bytes, line: tables.PisteAudit) -> bytes:
    date = line.date.astimezone(UTC).isoformat(timespec="microseconds")
    parts = (previous.hex(), str(line.numero), date, line.acte, line.auteur, line.contenu)
    return hashlib.sha256("\n".join(parts).encode()).digest()


def _check_head(audit: Audit, numero: int, digest: bytes) -> None:
    """The head may have moved on since the last page was read, never back."""
    with snapshot(audit.db) as session:
        head = session.execute(select(_head.numero, _head.empreinte)).one_or_none()
        known = head and session.scalar(select(_line.empreinte).where(_line.numero == head.numero))
    if head is None:
        audit.report.add(Topic.TRAIL, "tête", "la ligne qui dit où s'arrête la piste a disparu")
    elif head.numero < numero or (head.numero and bytes(known or b"") != bytes(head.empreinte)):
        audit.report.add(Topic.TRAIL, "tête", f"dit que la piste s'arrête à {head.numero}, les lignes vont à {numero}")
    elif head.numero == numero and bytes(head.empreinte) != digest:
        audit.report.add(Topic.TRAIL, "tête", f"n'a pas l'empreinte de la ligne {numero}")


def _check_unsealed(audit: Audit, numero: int) -> None:
    with snapshot(audit.db) as session:
        sealed = session.scalar(select(func.max(_checkpoint.numero))) or 0
        oldest = session.scalar(select(func.min(_line.date)).where(_line.numero > sealed, _line.numero <= numero))
    if oldest is not None and audit.clock() - oldest > _UNSEALED:
        _found(audit, sealed + 1, f"et suivantes jusqu'à {numero} : aucun scellement depuis le {oldest:%d/%m/%Y %H:%M}")


def _found(audit: Audit, numero: int, text: str) -> None:
    audit.report.add(Topic.TRAIL, f"ligne {numero}", text)
