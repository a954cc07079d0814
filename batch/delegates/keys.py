"""Keys and certificates of delegated offices (OCSP responders, audit seals): made, signed, and put into their file.

The same road as every certificate: serial and bytes stored, then signed, then stored. The key never leaves the file
that its holder reads.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
)
from sqlalchemy import select
from sqlalchemy.orm import Session

from batch.context import DelegateFiles, WorkerContext
from batch.issuing.own_certificates import store_intent, store_issued
from pki.certificates.pem import certificate_pem
from pki.certificates.serials import new_serial, serial_hex
from pki.delegates.delegated import Office, issue_certificate, prepare_certificate, signer_file
from pki.keys.key_policy import RSA_BITS, RSA_EXPONENT
from runtime.whole_files import replace
from storage import tables

log = structlog.get_logger()

# The clock of the machine that checks may be behind ours.
BACKDATED = timedelta(minutes=10)

Claim = Callable[[Session, str, datetime, datetime], bool]


def make_delegate(
    context: WorkerContext, files: DelegateFiles, office: Office, autorite: str, life: timedelta, claim: Claim
) -> bool:
    """Make a new key for an office of an authority that signs here, and put it in the place of the former one.

    ``claim`` is asked in the transaction that stores the intent, with serial, start and end: when it gives False,
    somebody else has made the key meanwhile, and nothing is done. PastError when nothing may be issued.
    """
    context.guard.require()
    now = context.clock()
    authority, signer = context.authorities[autorite], context.signers[autorite]
    key = rsa.generate_private_key(public_exponent=RSA_EXPONENT, key_size=RSA_BITS)
    serial = new_serial()
    start = max(now - BACKDATED, authority.not_before).replace(microsecond=0)
    end = min(start + life, authority.not_after)
    tbs = prepare_certificate(office, authority, key.public_key(), serial, start, life)
    with context.db.write() as session:
        if not claim(session, serial_hex(serial), start, end):
            return False
        store_intent(
            session,
            autorite=autorite,
            serial=serial,
            produit=office.product,
            tbs=tbs,
            spki=key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            validity=(start, end),
            now=now,
        )
    der = issue_certificate(office, authority, signer, tbs)
    store_issued(context.db, autorite=autorite, serial=serial, der=der, now=context.clock())
    files.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    encryption = BestAvailableEncryption(files.passphrase)
    pem = certificate_pem(der) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    replace(signer_file(office, files.folder, autorite), pem, secret=True)
    log.info("delegated key renewed", office=office.product, autorite=autorite, serial=serial_hex(serial))
    return True


def is_revoked(session: Session, autorite: str, serial: str) -> bool:
    """Whether the certificate of a delegated key is revoked: then nobody may use the key any more."""
    certificat = tables.Certificat
    found = select(certificat.id).where(
        certificat.autorite == autorite, certificat.serial == serial, certificat.revoque_le.is_not(None)
    )
    return session.scalar(found) is not None


def is_known(session: Session, autorite: str, serial: str) -> bool:
    """Whether a certificate stands in the database."""
    certificat = tables.Certificat
    found = select(certificat.id).where(certificat.autorite == autorite, certificat.serial == serial)
    return session.scalar(found) is not None
