"""Certificates that no demande asks for: delegated keys, TLS servers, the TEST cards and client applications.

They take the same road as every other: serial and bytes stored and told to the audit trail, signed, stored.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from sqlalchemy import select
from sqlalchemy.orm import Session

from batch.context import WorkerContext
from batch.trail_lines import tell_intents, tell_issued
from pki.authority import Authority
from pki.certificates.content import CertificateContent
from pki.certificates.pem import certificate_pem
from pki.certificates.serials import new_serial, serial_hex
from pki.issuing.issuance import issue, lint, prepare
from pki.keys.key_policy import RSA_BITS, RSA_EXPONENT
from registration.vocabulary import Plateforme
from storage import tables
from storage.database import Database


def store_intent(
    session: Session,
    *,
    autorite: str,
    serial: int,
    produit: str,
    tbs: bytes,
    spki: bytes,
    validity: tuple[datetime, datetime],
    now: datetime,
) -> None:
    """Keep what will be signed (``tbs`` and ``spki`` in DER); nothing may be signed before this is committed."""
    number = serial_hex(serial)
    session.add(
        tables.Certificat(
            autorite=autorite,
            serial=number,
            produit=produit,
            tbs=tbs,
            spki_sha256=hashlib.sha256(spki).digest(),
            not_before=validity[0],
            not_after=validity[1],
        )
    )
    tell_intents(session, now, [(None, autorite, number, tbs)])


def store_issued(db: Database, *, autorite: str, serial: int, der: bytes, now: datetime) -> None:
    """Keep the signed certificate in place of its intent."""
    certificat = tables.Certificat
    number = serial_hex(serial)
    with db.write() as session:
        row = session.scalars(
            select(certificat).where(certificat.autorite == autorite, certificat.serial == number)
        ).one()
        row.der, row.tbs, row.emis_le = der, None, now
        tell_issued(session, now, [(None, autorite, number, der)])


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A key made here and its certificate, DER, with the authority that issued it."""

    key: rsa.RSAPrivateKey
    der: bytes
    authority: Authority

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The issuer first, the root last, DER."""
        return self.authority.chain

    @property
    def key_pem(self) -> bytes:
        """The key as unencrypted PKCS#8, PEM: for a server that starts alone."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def chain_pem(self) -> bytes:
        """The certificate, then the issuing authorities, PEM; the root stays with the other side."""
        return b"".join(certificate_pem(der) for der in (self.der, *self.chain[:-1]))


def enroll(context: WorkerContext, plateforme: Plateforme, content: CertificateContent) -> Enrolled:
    """Make a key and its certificate, kept in the table of certificates so that it can be revoked.

    PastError when nothing may be issued (``batch.past``).
    """
    key = rsa.generate_private_key(public_exponent=RSA_EXPONENT, key_size=RSA_BITS)
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    der, authority = certify(context, plateforme, content, spki)
    return Enrolled(key=key, der=der, authority=authority)


def certify(
    context: WorkerContext, plateforme: Plateforme, content: CertificateContent, spki: bytes
) -> tuple[bytes, Authority]:
    """A certificate (DER) of a key that was made elsewhere, given by its SubjectPublicKeyInfo, and who issued it.

    As ``enroll``. Proof of possession and the policy of keys are the caller's to check.
    """
    context.guard.require()
    authority = context.issuer_of(plateforme, content.product)
    prepared = prepare(authority, content, spki, new_serial(), context.clock(), backdate=context.policy.backdate)
    name, now = authority.short_name, context.clock()
    with context.db.write() as session:
        store_intent(
            session,
            autorite=name,
            serial=prepared.serial,
            produit=content.product,
            tbs=prepared.tbs,
            spki=spki,
            validity=(prepared.not_before, prepared.not_after),
            now=now,
        )
    issued = issue(lint(prepared, authority), context.signers[name])
    store_issued(context.db, autorite=name, serial=issued.serial, der=issued.der, now=context.clock())
    return issued.der, authority


def revocation_of(db: Database, autorite: str, serial: str) -> datetime | None:
    """When a certificate was revoked, None when it is not; LookupError when the database does not know it."""
    certificat = tables.Certificat
    query = select(certificat.revoque_le).where(certificat.autorite == autorite, certificat.serial == serial)
    with db.read() as session:
        found = session.scalars(query).all()
    if not found:
        raise LookupError(serial)
    return found[0]
