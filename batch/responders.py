"""Keys and certificates of the delegated OCSP responders: made, and replaced at half of their life.

The same road as every certificate: serial and bytes stored, then signed, then stored. The key never leaves the file
that the responder reads.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, PublicFormat
from sqlalchemy import select
from sqlalchemy.orm import Session

from batch.context import BatchPolicy, ResponderFiles, WorkerContext
from batch.published_files import replace
from pki.key_policy import RSA_BITS, RSA_EXPONENT
from pki.ocsp_signer import PRODUCT, issue_certificate, prepare_certificate, signer_file
from pki.secret_files import certificate_pem
from pki.serials import new_serial, serial_hex
from storage import tables
from storage.database import Database

log = structlog.get_logger()

_OWNER_ONLY = 0o600
# A file that is not there yet is somebody else's to write for so long.
_WRITING = timedelta(minutes=1)
# The clock of the responder's machine may be behind ours.
_BACKDATED = timedelta(minutes=10)


def any_due(db: Database, policy: BatchPolicy, now: datetime) -> bool:
    """Whether a responder in service has lived half of its life. Missing ones are found when a worker starts."""
    with db.read() as session:
        return any(_is_old(row, policy, now) for row in session.scalars(select(tables.RepondeurOcsp)))


def _is_old(row: tables.RepondeurOcsp, policy: BatchPolicy, now: datetime) -> bool:
    return not row.not_before - _WRITING <= now < row.not_before + policy.ocsp_signer_life / 2 or row.not_after <= now


def renew_due(context: WorkerContext) -> int:
    """Make the responders that are missing or old, for every authority here that issues to others; their number."""
    if context.responders is None:
        return 0
    names = [name for name in context.signers if context.authorities[name].products]
    return sum(_renew(context, context.responders, autorite) for autorite in names)


def _renew(context: WorkerContext, files: ResponderFiles, autorite: str) -> bool:
    now = context.clock()
    with context.db.read() as session:
        if not _needed(session, context, files, autorite, now):
            return False
    authority, signer = context.authorities[autorite], context.signers[autorite]
    key = rsa.generate_private_key(public_exponent=RSA_EXPONENT, key_size=RSA_BITS)
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    serial = new_serial()
    start = max(now - _BACKDATED, authority.not_before).replace(microsecond=0)
    tbs = prepare_certificate(authority, key.public_key(), serial, start, context.policy.ocsp_signer_life)
    not_after = min(start + context.policy.ocsp_signer_life, authority.not_after)
    with context.db.write() as session:
        if not _needed(session, context, files, autorite, now):
            return False
        session.add(
            tables.Certificat(
                autorite=autorite,
                serial=serial_hex(serial),
                produit=PRODUCT,
                tbs=tbs,
                spki_sha256=hashlib.sha256(spki).digest(),
                not_before=start,
                not_after=not_after,
            )
        )
        session.merge(
            tables.RepondeurOcsp(autorite=autorite, serial=serial_hex(serial), not_before=start, not_after=not_after)
        )
    der = issue_certificate(authority, signer, tbs)
    with context.db.write() as session:
        certificat = tables.Certificat
        row = session.scalars(
            select(certificat).where(certificat.autorite == autorite, certificat.serial == serial_hex(serial))
        ).one()
        row.der, row.tbs, row.emis_le = der, None, context.clock()
    encryption = BestAvailableEncryption(files.passphrase)
    files.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    pem = certificate_pem(der) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    replace(signer_file(files.folder, autorite), pem, mode=_OWNER_ONLY)
    log.info("ocsp responder renewed", autorite=autorite, serial=serial_hex(serial))
    return True


def _needed(session: Session, context: WorkerContext, files: ResponderFiles, autorite: str, now: datetime) -> bool:
    """Whether the responder is missing, old, or lost its file; asked again under the lock of its row."""
    row = session.scalar(
        select(tables.RepondeurOcsp).where(tables.RepondeurOcsp.autorite == autorite).with_for_update()
    )
    if row is None or _is_old(row, context.policy, now):
        return True
    file = signer_file(files.folder, autorite)
    if now - row.not_before < _BACKDATED + _WRITING:
        return False
    try:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, ValueError):
        return True
    return serial_hex(certificate.serial_number) != row.serial
