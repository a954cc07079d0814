"""When a CRL is due, and its publication. Revoking is one row; the list follows within the minute and every day."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from batch.context import WorkerContext
from pki.crl import CrlEntry, RevocationReason, build_crl
from storage import tables
from storage.database import Database

log = structlog.get_logger()

VALIDITY = timedelta(days=7)
REFRESH_AFTER = timedelta(days=1)
# A revocation may be dated a little before it is committed: one published in between is published again.
_COMMIT_MARGIN = timedelta(seconds=5)

_REASONS = {
    "keyCompromise": RevocationReason.KEY_COMPROMISE,
    "cessationOfOperation": RevocationReason.CESSATION_OF_OPERATION,
    "superseded": RevocationReason.SUPERSEDED,
    "unspecified": RevocationReason.UNSPECIFIED,
}


def any_due(db: Database, now: datetime) -> bool:
    """Whether a published CRL is a day old, or older than a revocation."""
    with db.read() as session:
        return bool(_due(session, now))


def _due(session: Session, now: datetime) -> list[str]:
    crl, certificat = tables.Crl, tables.Certificat
    newest = (
        select(certificat.autorite, func.max(certificat.revoque_le).label("latest"))
        .where(certificat.revoque_le.is_not(None))
        .group_by(certificat.autorite)
        .subquery()
    )
    rows = session.execute(
        select(crl.autorite, crl.this_update, newest.c.latest).outerjoin(newest, newest.c.autorite == crl.autorite)
    )
    return [
        autorite
        for autorite, this_update, latest in rows
        if now - this_update >= REFRESH_AFTER or (latest is not None and latest >= this_update - _COMMIT_MARGIN)
    ]


def publish_due(context: WorkerContext) -> int:
    """Publish every CRL that is due and whose key is here; gives their number."""
    with context.db.read() as session:
        due = [autorite for autorite in _due(session, context.clock()) if autorite in context.signers]
    for autorite in due:
        publish(context, autorite)
    return len(due)


def publish(context: WorkerContext, autorite: str) -> bytes:
    """Sign the next CRL of an authority and store it; gives the DER. A number is used once (RFC 5280 §5.2.3).

    An entry stays on the list until after its certificate has expired (RFC 5280 §3.3).
    """
    crl, certificat = tables.Crl, tables.Certificat
    now = context.clock()
    with context.db.write() as session:
        row = session.scalar(select(crl).where(crl.autorite == autorite).with_for_update())
        previous = row.this_update if row is not None else now
        entries = [
            CrlEntry(int(serial, 16), revoked_at, _REASONS.get(reason or "", RevocationReason.UNSPECIFIED))
            for serial, revoked_at, reason in session.execute(
                select(certificat.serial, certificat.revoque_le, certificat.raison_crl).where(
                    certificat.autorite == autorite,
                    certificat.revoque_le.is_not(None),
                    certificat.not_after > previous,
                )
            )
            if revoked_at is not None
        ]
        numero = 1 if row is None else row.numero + 1
        der = build_crl(context.authorities[autorite], context.signers[autorite], entries, numero, now, now + VALIDITY)
        if row is None:
            row = tables.Crl(autorite=autorite)
            session.add(row)
        row.numero, row.this_update, row.next_update, row.der = numero, now, now + VALIDITY, der
    if context.publication is not None:
        _write(context.publication / "CRL" / f"{autorite}.crl", der)
    log.info("crl published", autorite=autorite, numero=numero, entries=len(entries))
    return der


def _write(path: Path, content: bytes) -> None:
    """Replace the published file in one step: who reads at this moment gets the old or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as temporary:
        temporary.write(content)
        temporary.flush()
        os.fsync(temporary.fileno())
    Path(temporary.name).chmod(0o644)
    Path(temporary.name).replace(path)
