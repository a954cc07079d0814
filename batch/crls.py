"""When a CRL is due, and its publication. Revoking is one row; the list follows within the minute and every day."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from batch.context import BatchPolicy, WorkerContext
from pki.crl import CrlEntry, RevocationReason, build_crl
from storage import tables
from storage.database import Database

log = structlog.get_logger()

# A revocation is dated before it is committed, at most as long before as a writer waits for the database.
_COMMIT_MARGIN = timedelta(seconds=60)

_REASONS = {
    "keyCompromise": RevocationReason.KEY_COMPROMISE,
    "cessationOfOperation": RevocationReason.CESSATION_OF_OPERATION,
    "superseded": RevocationReason.SUPERSEDED,
    "unspecified": RevocationReason.UNSPECIFIED,
}


def any_due(db: Database, policy: BatchPolicy, now: datetime) -> bool:
    """Whether a published CRL is old, older than a revocation, or of a time that has not come (the clock went back)."""
    with db.read() as session:
        return bool(_due(session, policy, now))


def _due(session: Session, policy: BatchPolicy, now: datetime) -> list[str]:
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
        if not this_update - _COMMIT_MARGIN <= now < this_update + policy.crl_refresh
        or (latest is not None and _may_miss(this_update, latest, now))
    ]


def _may_miss(this_update: datetime, latest: datetime, now: datetime) -> bool:
    """Whether a CRL may lack the latest revocation: it is dated later, or was perhaps committed later."""
    return latest >= this_update or (latest >= this_update - _COMMIT_MARGIN and now - this_update >= _COMMIT_MARGIN)


def publish_due(context: WorkerContext) -> int:
    """Publish every CRL that is due and whose key is here; gives their number."""
    with context.db.read() as session:
        due = [autorite for autorite in _due(session, context.policy, context.clock()) if autorite in context.signers]
    for autorite in due:
        publish(context, autorite)
    return len(due)


def publish(context: WorkerContext, autorite: str) -> bytes:
    """Sign the next CRL of an authority and store it; gives the DER. A number is used once (RFC 5280 §5.2.3).

    An entry stays on the list until after its certificate has expired (RFC 5280 §3.3).
    """
    crl, certificat = tables.Crl, tables.Certificat
    now = context.clock()
    next_update = now + context.policy.crl_validity
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
        der = build_crl(context.authorities[autorite], context.signers[autorite], entries, numero, now, next_update)
        if row is None:
            row = tables.Crl(autorite=autorite)
            session.add(row)
        row.numero, row.this_update, row.next_update, row.der = numero, now, next_update, der
    log.info("crl signed", autorite=autorite, numero=numero, entries=len(entries))
    if context.publication is not None:
        _bring_up_to_date(context.db, context.publication, autorite)
    return der


def write_stored(context: WorkerContext) -> None:
    """Publish what is stored and not yet in its file, as after a crash between the two."""
    if context.publication is not None:
        for autorite in context.signers:
            _bring_up_to_date(context.db, context.publication, autorite)


def _bring_up_to_date(db: Database, publication: Path, autorite: str) -> None:
    """Write the stored CRL; under its lock, so that no slower worker puts an older one back."""
    path = publication / "CRL" / f"{autorite}.crl"
    with db.write() as session:
        der = session.scalar(select(tables.Crl.der).where(tables.Crl.autorite == autorite).with_for_update())
        if der is not None and not (path.is_file() and path.read_bytes() == der):
            _write(path, der)


def _write(path: Path, content: bytes) -> None:
    """Replace the published file in one step: who reads at this moment gets the old or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as temporary:
        temporary.write(content)
        temporary.flush()
        os.fsync(temporary.fileno())
    Path(temporary.name).chmod(0o644)
    Path(temporary.name).replace(path)
