"""Revoke the certificates of a list, block by block, each block in a transaction of its own.

The rows are the only memory: a list that was begun before, by a process that died at any moment, is gone through again
from its first line, and what is revoked stays as it is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from registration.revocation.list_file import Line
from registration.revocation.revoking import Revoked, revoke
from registration.rules.revocation import Outcome, judge
from runtime.clock import Clock
from storage import tables
from storage.bulk import slices
from storage.database import Database

BLOCK = 500
_NAMED = 20


class Looked(NamedTuple):
    """A line and the certificate it means: what would become of it now, and what stands in its row."""

    line: Line
    outcome: Outcome
    id_certificat: int | None = None
    autorite: str | None = None
    raison: str | None = None
    revoque_le: datetime | None = None
    not_after: datetime | None = None


@dataclass(slots=True)
class Survey:
    """What a whole list would lead to. ``unfit`` are the first lines that mean no certificate, or more than one."""

    counts: Counter[Outcome] = field(default_factory=Counter)
    unfit: list[Looked] = field(default_factory=list)

    @property
    def changes(self) -> int:
        """How many certificates would be written."""
        return sum(count for outcome, count in self.counts.items() if outcome.is_change)


@dataclass(frozen=True, slots=True)
class BlockDone:
    """What became of the lines of a block; ``others`` are further certificates of keys that it blocked."""

    lines: tuple[Looked, ...]
    others: tuple[Revoked, ...]
    given_up: tuple[int, ...]


def survey(
    db: Database,
    lines: Sequence[Line],
    authorities: Collection[str],
    now: datetime,
    on_block: Callable[[int], object] = lambda _count: None,
) -> Survey:
    """What revoking these lines would do; nothing is written. ``on_block`` hears how many lines were looked at."""
    found = Survey()
    for part in slices(lines, BLOCK):
        for looked in look(db, part, authorities, now):
            found.counts[looked.outcome] += 1
            if looked.id_certificat is None and len(found.unfit) < _NAMED:
                found.unfit.append(looked)
        on_block(len(part))
    return found


def look(db: Database, lines: Sequence[Line], authorities: Collection[str], now: datetime) -> list[Looked]:
    """The certificates of some lines, in their order. A line without authority means whichever of ``authorities``."""
    with db.read() as session:
        rows = _find(session, lines, authorities)
    return [_look(line, rows[line.serial], now) for line in lines]


def _find(session: Session, lines: Iterable[Line], authorities: Collection[str]) -> dict[str, list[Any]]:
    certificat = tables.Certificat
    found: dict[str, list[Any]] = defaultdict(list)
    for part in slices(lines):
        rows = session.execute(
            select(
                certificat.id,
                certificat.autorite,
                certificat.serial,
                certificat.not_after,
                certificat.revoque_le,
                certificat.raison_crl,
            ).where(
                # Every authority named, so that the unique index serves.
                certificat.autorite.in_(authorities),
                certificat.serial.in_([line.serial for line in part]),
            )
        )
        for row in rows:
            found[row.serial].append(row)
    return found


def _look(line: Line, rows: Iterable[Any], now: datetime) -> Looked:
    meant = [row for row in rows if line.autorite in (None, row.autorite)]
    if len(meant) != 1:
        return Looked(line, Outcome.AMBIGUOUS if meant else Outcome.UNKNOWN, autorite=line.autorite)
    (row,) = meant
    outcome = judge(line.raison, revoque_le=row.revoque_le, raison_crl=row.raison_crl, not_after=row.not_after, now=now)
    return Looked(line, outcome, row.id, row.autorite, row.raison_crl, row.revoque_le, row.not_after)


def revoke_block(db: Database, block: Sequence[Looked], clock: Clock, motif: str) -> BlockDone:
    """Revoke what of a block is to be revoked, in one transaction; what nobody has to write needs none."""
    wanted = {looked.id_certificat: looked.line.raison for looked in block if looked.id_certificat is not None}
    if not any(looked.outcome.is_change for looked in block):
        return BlockDone(tuple(block), (), ())
    with db.write() as session:
        session.connection()  # the wait for other writers comes before the date
        done = revoke(session, wanted, clock(), motif)
    by_id = {one.id_certificat: one for one in done.certificates}
    return BlockDone(
        lines=tuple(looked if looked.id_certificat is None else _done(looked, by_id) for looked in block),
        others=tuple(one for one in done.certificates if one.id_certificat not in wanted and one.outcome.is_change),
        given_up=done.given_up,
    )


def _done(looked: Looked, by_id: dict[int, Revoked]) -> Looked:
    one = by_id[looked.id_certificat or 0]
    return looked._replace(outcome=one.outcome, raison=one.raison, revoque_le=one.revoque_le)
