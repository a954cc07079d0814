"""Certificates that no demande asks for: TLS servers of the plateforme and the TEST cards and client applications.

They take the same road as every other certificate: serial and bytes stored, lint, signature, stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from sqlalchemy import select

from batch.context import WorkerContext
from batch.crls import publish
from batch.unasked import store_intent, store_issued
from pki.authority import Authority
from pki.content import CertificateContent
from pki.errors import CeremonyError
from pki.issuance import issue, lint, prepare
from pki.secret_files import certificate_pem, write_new, write_new_passphrase
from pki.serials import new_serial
from registration.vocabulary import Plateforme
from runtime.settings import Settings
from storage import tables

_PUBLIC_EXPONENT = 65537
_KEY_BITS = 2048


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
    """Make a key and its certificate, kept in the table of certificates so that it can be revoked."""
    key = rsa.generate_private_key(public_exponent=_PUBLIC_EXPONENT, key_size=_KEY_BITS)
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    authority = context.issuer_of(plateforme, content.product)
    prepared = prepare(authority, content, spki, new_serial(), context.clock())
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
    return Enrolled(key=key, der=issued.der, authority=authority)


def register_identity(context: WorkerContext, id_acteur: int, enrolled: Enrolled, serial: str) -> None:
    """From now on who presents this certificate is this acteur."""
    with context.db.write() as session:
        session.add(tables.Identite(id_acteur=id_acteur, issuer_sha256=enrolled.authority.name_hash, serial=serial))


def publish_missing_crls(context: WorkerContext) -> dict[str, bytes]:
    """Publish the first CRL of every authority whose key is here and that has none; gives them, DER."""
    with context.db.read() as session:
        known = set(session.scalars(select(tables.Crl.autorite)))
    return {name: publish(context, name) for name in context.signers if name not in known}


def write_pair(certificate_file: Path, key_file: Path, enrolled: Enrolled) -> None:
    """Key first: a certificate file that exists means that both are there."""
    certificate_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key_file.unlink(missing_ok=True)
    write_new(key_file, enrolled.key_pem, secret=True)
    write_new(certificate_file, enrolled.chain_pem, secret=False)


def make_delegate_phrases(settings: Settings) -> None:
    """Pass phrases of their own for OCSP responders and audit seal; safe when several processes start together.

    Who may open these keys need not be able to open those of the authorities.
    """
    for secret in (settings.publication.ocsp_pass_phrase_file, settings.pki.seal_pass_phrase_file):
        if secret.path.exists():
            continue
        secret.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            write_new_passphrase(secret.path)
        except CeremonyError:
            if not secret.path.exists():
                raise
