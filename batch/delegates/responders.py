"""When the delegated OCSP responders get new keys: when they have none, at half of their life, and once revoked."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from cryptography import x509
from sqlalchemy import select
from sqlalchemy.orm import Session

from batch.context import BatchPolicy, DelegateFiles, WorkerContext
from batch.delegates.keys import BACKDATED, is_revoked, make_delegate
from pki.certificates.reading import UNREADABLE
from pki.certificates.serials import serial_hex
from pki.delegates.delegated import signer_file
from pki.delegates.ocsp_signer import RESPONDER
from storage import tables
from storage.database import Database

log = structlog.get_logger()

# A file that is not there yet is somebody else's to write for so long.
_WRITING = timedelta(minutes=1)


def any_due(db: Database, policy: BatchPolicy, now: datetime) -> bool:
    """Whether a responder in service has lived half of its life or is revoked.

    Missing ones are found when a worker starts.
    """
    with db.read() as session:
        rows = session.scalars(select(tables.RepondeurOcsp)).all()
        return any(_is_old(row, policy, now) or is_revoked(session, row.autorite, row.serial) for row in rows)


def in_service(db: Database) -> set[tuple[str, str]]:
    """Authority and serial of every responder in service."""
    responder = tables.RepondeurOcsp
    with db.read() as session:
        return {(row.autorite, row.serial) for row in session.execute(select(responder.autorite, responder.serial))}


def _is_old(row: tables.RepondeurOcsp, policy: BatchPolicy, now: datetime) -> bool:
    return not row.not_before - _WRITING <= now < row.not_before + policy.ocsp_signer_life / 2 or row.not_after <= now


def renew_due(context: WorkerContext) -> int:
    """Make the responders that are missing or old, for every authority here that issues to others; their number."""
    if context.responders is None:
        return 0
    names = [name for name in context.signers if context.authorities[name].products]
    return sum(_renew(context, context.responders, autorite) for autorite in names)


def _renew(context: WorkerContext, files: DelegateFiles, autorite: str) -> bool:
    now = context.clock()
    with context.db.read() as session:
        if not _needed(session, context, files, autorite, now):
            return False

    def claim(session: Session, serial: str, start: datetime, end: datetime) -> bool:
        if not _needed(session, context, files, autorite, now):
            return False
        session.merge(tables.RepondeurOcsp(autorite=autorite, serial=serial, not_before=start, not_after=end))
        return True

    return make_delegate(context, files, RESPONDER, autorite, context.policy.ocsp_signer_life, claim)


def _needed(session: Session, context: WorkerContext, files: DelegateFiles, autorite: str, now: datetime) -> bool:
    """Whether the responder is missing, old, revoked, or lost its file; asked again under the lock of its row."""
    row = session.scalar(
        select(tables.RepondeurOcsp).where(tables.RepondeurOcsp.autorite == autorite).with_for_update(key_share=True)
    )
    if row is None or _is_old(row, context.policy, now) or is_revoked(session, autorite, row.serial):
        return True
    file = signer_file(RESPONDER, files.folder, autorite)
    if now - row.not_before < BACKDATED + _WRITING:
        return False
    try:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, *UNREADABLE):
        return True
    return serial_hex(certificate.serial_number) != row.serial
