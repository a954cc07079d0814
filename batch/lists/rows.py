"""What belongs on a list, read from the rows: all of it, or what the full list in force does not say yet.

A row knows the reason for which a stored list carries it (``raison_listee``), so that no date decides what a list may
lack: a revocation is to be listed until a list that carries it is stored, however late it was committed and whatever
the clocks said.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, or_, select, text, true, update

from pki.issuing.crl import CrlEntry
from pki.status.reasons import REASONS, RevocationReason
from storage import tables
from storage.bulk import slices
from storage.database import Database

_certificat = tables.Certificat
_to_list = text(tables.TO_LIST)
_raison = func.coalesce(_certificat.raison_crl, RevocationReason.UNSPECIFIED.name.lower()).label("raison")
_COLUMNS = (_certificat.id, _certificat.serial, _certificat.revoque_le, _raison)
# The rows of one transaction: nobody else waits long for it.
_MARKED_AT_ONCE = 5_000


class Revocation(NamedTuple):
    """A revoked certificate: its row, the reason as it stands there, and its entry."""

    id: int
    raison: str
    entry: CrlEntry


class Changes(NamedTuple):
    """What the list in force does not say yet, and how many entries the next one has."""

    revocations: Sequence[Revocation]
    total: int


class Everything(NamedTuple):
    """Every entry that the next list has, and those of them that the list in force does not have yet."""

    entries: Sequence[CrlEntry]
    unlisted: Sequence[Revocation]


def read_changes(db: Database, autorite: str, ended_before: datetime, limit: int) -> Changes:
    """What is to be listed of certificates that have not ended before, ``limit`` of it at most.

    In one statement, so that both halves are of one moment on PostgreSQL too.
    """
    # Two counts, for each has an index of its own.
    ended = _certificat.not_after < ended_before
    revoked = select(func.count()).where(_certificat.autorite == autorite, _certificat.revoque_le.is_not(None))
    in_force = revoked.where(~ended).scalar_subquery()
    endless = revoked.where(ended, _certificat.emis_le.is_(None)).scalar_subquery()
    total = select((in_force + endless).label("nombre")).subquery()
    changed = select(*_COLUMNS).where(*_in_force(autorite, ended_before), _to_list).limit(limit).subquery()
    query = select(total.c.nombre, *changed.c).select_from(total.outerjoin(changed, true()))
    with db.read() as session:
        rows = session.execute(query).all()
    return Changes([_revocation(row) for row in rows if row.id is not None], rows[0].nombre)


def read_everything(db: Database, autorite: str, ended_before: datetime) -> Everything:
    """Every revocation of certificates that have not ended before, of one moment."""
    query = select(*_COLUMNS, _certificat.raison_listee).where(*_is_on(autorite, ended_before))
    entries, unlisted = [], []
    with db.read() as session:
        for row in session.execute(query):
            revocation = _revocation(row)
            entries.append(revocation.entry)
            if row.raison_listee != row.raison:
                unlisted.append(revocation)
    return Everything(entries, unlisted)


def read_ended(db: Database, autorite: str, since: datetime, before: datetime) -> list[int]:
    """The serials of revoked certificates that ended since a moment and before another one."""
    query = select(_certificat.serial).where(
        *_is_on(autorite, since), _certificat.not_after < before, _certificat.emis_le.is_not(None)
    )
    with db.read() as session:
        return [int(serial, 16) for serial in session.scalars(query)]


def mark_listed(db: Database, revocations: Iterable[Revocation]) -> None:
    """Remember what a list says that is stored. Broken off, the rest is only listed once more.

    A reason that has changed meanwhile is not the one that is written here: it stays to be listed.
    """
    by_raison: dict[str, list[int]] = defaultdict(list)
    for one in revocations:
        by_raison[one.raison].append(one.id)
    for raison, idents in by_raison.items():
        for together in slices(idents, _MARKED_AT_ONCE):
            with db.write() as session:
                for part in slices(together):
                    session.execute(
                        update(_certificat)
                        .where(_certificat.id.in_(part))
                        .values(raison_listee=raison)
                        .execution_options(synchronize_session=False)
                    )


def _in_force(autorite: str, ended_before: datetime) -> tuple[ColumnElement[bool], ...]:
    """Whether a certificate has not ended before: its last second is good to the end.

    One that was never signed here has no end: what its row says is no proof, and a list that left it out for that
    would stop the plateforme (``batch.past.kept``).
    """
    has_no_end = or_(_certificat.not_after >= ended_before, _certificat.emis_le.is_(None))
    return _certificat.autorite == autorite, has_no_end


def _is_on(autorite: str, ended_before: datetime) -> tuple[ColumnElement[bool], ...]:
    """Whether a certificate is on a list."""
    return *_in_force(autorite, ended_before), _certificat.revoque_le.is_not(None)


def _revocation(row: Any) -> Revocation:  # noqa: ANN401 -- a row
    reason = REASONS.get(row.raison, RevocationReason.UNSPECIFIED)
    return Revocation(row.id, row.raison, CrlEntry(int(row.serial, 16), row.revoque_le, reason))
