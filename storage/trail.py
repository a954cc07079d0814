"""The audit trail: a chain of lines, each written in the transaction of the act that it tells (table piste_audit).

A line's empreinte covers the line and the empreinte before it, so that a line changed, removed or put in between breaks
the chain from there on. Lines are written last in their transaction: the lock of the chain's head is held for the time
of a commit, and taken after every other lock.
"""

from __future__ import annotations

import hashlib
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import msgspec
import structlog
from sqlalchemy import Table, bindparam, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from storage import tables
from storage.bulk import insert_rows
from storage.savepoints import savepoint

log = structlog.get_logger()

AUTEUR = "auteur"
_PENDING = "trail"
_HEAD_ID = 1
# Made once: they are part of nearly every transaction that writes.
_HEAD = (
    select(tables.TeteAudit.numero, tables.TeteAudit.empreinte)
    .where(tables.TeteAudit.id == _HEAD_ID)
    .with_for_update(key_share=True)
)
_LAST = select(tables.PisteAudit.empreinte).where(tables.PisteAudit.numero == bindparam("last"))
_FORWARD = (
    update(cast("Table", tables.TeteAudit.__table__))
    .where(cast("Table", tables.TeteAudit.__table__).c.id == _HEAD_ID)
    .values(numero=bindparam("reached"), empreinte=bindparam("digest"))
)


class TrailError(Exception):
    """The audit trail cannot be written, or does not end where its head says: what had to be told must not happen."""


@dataclass(frozen=True, slots=True)
class _Note:
    acte: str
    date: datetime
    contenu: str
    essential: bool


def note(session: Session, acte: str, now: datetime, contenu: object, *, essential: bool = True) -> None:
    """Have an act told by the last lines of this transaction (of ``Database.write``, outside savepoints).

    ``acte`` is a word of one line, ``contenu`` anything that JSON can say, without secrets. When the trail cannot be
    written the transaction fails with TrailError; what is not ``essential``, because a plateforme with a broken trail
    must still be able to revoke, happens all the same and is logged as an error.
    """
    if now.tzinfo is None or "\n" in acte:
        raise ValueError("an act needs an aware date and a word of one line")
    text = msgspec.json.encode(contenu).decode()
    session.info.setdefault(_PENDING, []).append(_Note(acte, now.astimezone(UTC), text, essential))


def line_digest(previous: bytes, numero: int, date: datetime, acte: str, auteur: str, contenu: str) -> bytes:
    """SHA-256 over the empreinte before (hexadecimal), numero, date (UTC, microseconds), acte, auteur and contenu.

    Each stands on a line of its own; contenu, which comes last, is the stored text. The same in docs/piste-audit.md.
    """
    moment = date.astimezone(UTC).isoformat(timespec="microseconds")
    return hashlib.sha256(f"{previous.hex()}\n{numero}\n{moment}\n{acte}\n{auteur}\n{contenu}".encode()).digest()


def write_pending(session: Session) -> None:
    """Write what was noted in this transaction; called by ``Database.write`` just before the commit."""
    notes: list[_Note] = session.info.pop(_PENDING, [])
    if not notes:
        return
    session.flush()  # every lock of the rows themselves comes before that of the head
    essential = any(entry.essential for entry in notes)
    try:
        # A savepoint only where the act outlives a trail that cannot be written.
        with nullcontext() if essential else savepoint(session):
            _write(session, notes)
    except (SQLAlchemyError, TrailError) as error:
        if essential:
            raise TrailError("the audit trail cannot be written") from error
        for entry in notes:
            log.exception("act without a line of the audit trail", acte=entry.acte, date=entry.date, what=entry.contenu)


def _write(session: Session, notes: list[_Note]) -> None:
    connection = session.connection()
    numero, digest = connection.execute(_HEAD).one()
    # A statement of its own: PostgreSQL would join the head as it is after the wait to the lines as they were before.
    last = connection.scalar(_LAST, {"last": numero})
    if numero and last != digest:
        raise TrailError("the last line of the audit trail is not the one that its head names")
    auteur = str(session.info.get(AUTEUR, "igc")).replace("\n", " ")
    rows = []
    for entry in notes:
        numero += 1
        digest = line_digest(digest, numero, entry.date, entry.acte, auteur, entry.contenu)
        rows.append(
            {
                "numero": numero,
                "date": entry.date,
                "acte": entry.acte,
                "auteur": auteur,
                "contenu": entry.contenu,
                "empreinte": digest,
            }
        )
    insert_rows(session, tables.PisteAudit, rows)
    connection.execute(_FORWARD, {"reached": numero, "digest": digest})
