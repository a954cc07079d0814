"""The authorities as their index and their certificates describe them, read with the auditor's own eyes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key

from audit import expected
from audit.reading.asn1 import DerError
from audit.reading.certificate import UNREADABLE, Attribute, Certificate, read_certificate

INDEX = "authorities.json"
_PKCS1 = PKCS1v15()
_SHA256 = SHA256()
_TEST_BIT = 0x80
_LDAP = {expected.COMMON_NAME: "cn", expected.UNIT: "ou", expected.ORGANIZATION: "o", expected.COUNTRY: "c"}


class AuditError(Exception):
    """The audit cannot be made: what it needs to judge by is missing or cannot be read. The text is French."""


class PrivateOids(msgspec.Struct, frozen=True, kw_only=True):
    """The OIDs of the private extensions."""

    category: str
    card_type: str
    card_number: str
    profession: str
    training: str
    specialities: str
    pharmacist_table: str


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the ceremony decided for the certificates of an authority; an empty URL leaves its extension out."""

    policy_oid: str
    cps_uri: str
    category: int
    card_category: int
    validity_years: int
    generation: int
    crl_url: str
    crl_ldap_url: str
    delta_crl_url: str
    ocsp_url: str
    ca_issuers_url: str
    private_oids: PrivateOids
    organization_length: int = 40
    p256: bool = False
    # Absent from the index of an authority that names one address of its deltas.
    delta_crl_ldap_url: str = ""
    seal_key_usage_oid: str = "1.3.6.1.4.1.32473.71.9.1"


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    short_name: str
    issuer: str
    settings: Settings
    products: tuple[str, ...] = ()


class _Index(msgspec.Struct, frozen=True, kw_only=True):
    authorities: tuple[_Entry, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Authority:
    """One root or issuing CA; ``directory_name`` is its entry in the LDAP directory, percent-encoded.

    Two may share a name: each short name has a key of its own.
    """

    short_name: str
    issuer: str
    products: frozenset[str]
    settings: Settings
    der: bytes
    certificate: Certificate
    public_key: rsa.RSAPublicKey
    directory_name: str

    @property
    def is_root(self) -> bool:
        """Whether it stands above itself."""
        return self.issuer == self.short_name

    @property
    def is_test(self) -> bool:
        """Whether what it issues is of plateforme TEST: the category says so by its high bit."""
        return bool(self.settings.category & _TEST_BIT)

    @cached_property
    def key_bits(self) -> bytes:
        """The content of its key's BIT STRING: what identifiers and CertIDs hash."""
        return self.certificate.key_bits

    @cached_property
    def key_id(self) -> bytes:
        """Its key identifier: SHA-1 of the BIT STRING's content."""
        return hashlib.sha1(self.key_bits, usedforsecurity=False).digest()

    @cached_property
    def x509(self) -> x509.Certificate:
        """Its certificate as the library sees it."""
        return x509.load_der_x509_certificate(self.der)

    def url(self, template: str) -> str:
        """An address of the settings, filled in for this authority."""
        return template.format(short_name=self.short_name, dn=self.directory_name)

    def has_signed(self, signed: bytes, signature: bytes) -> bool:
        """Whether the signature (sha256WithRSAEncryption) over these bytes is its own."""
        try:
            self.public_key.verify(signature, signed, _PKCS1, _SHA256)
        except InvalidSignature:
            return False
        return True


Authorities = Mapping[str, Authority]
"""All authorities of the instance by short name."""


def _directory_name(certificate: Certificate, root: Certificate | None) -> str:
    """The entry in the directory (RFC 4514, RFC 4516): the name backwards; an issuing CA hangs below its root's CN."""
    parts = [(_LDAP.get(one.oid, one.oid), _text(one)) for (one, *_rest) in certificate.subject]
    parts.reverse()
    if root is not None:
        name = next(_text(one) for (one, *_rest) in root.subject if one.oid == expected.COMMON_NAME)
        parts.insert(1, ("ou", name))
    return ",".join(f"{key}={quote(_escaped(value), safe='')}" for key, value in parts)


def _text(attribute: Attribute) -> str:
    return attribute.value.decode("utf-8", "replace")


def _escaped(value: str) -> str:
    return "".join(f"\\{sign}" if sign in '"#+,;<=>\\' else sign for sign in value)


def load_authorities(folder: Path) -> Authorities:
    """The authorities of a folder; AuditError when the index or a certificate cannot be read."""
    try:
        index = msgspec.json.decode((folder / INDEX).read_bytes(), type=_Index)
    except OSError:
        raise AuditError(f"{INDEX} ne se lit pas dans le dossier des AC") from None
    except msgspec.MsgspecError as error:
        place = str(error).partition(" - at `")[2].rstrip("`")
        raise AuditError(f"{INDEX} : contenu refusé{place and f', à {place}'}") from None
    entries = {entry.short_name: entry for entry in index.authorities}
    if len(entries) != len(index.authorities):
        raise AuditError(f"{INDEX} : un nom court y est deux fois")
    read = {name: _read(folder, name) for name in entries}
    if not entries:
        raise AuditError(f"{INDEX} : aucune AC")
    return {name: _authority(name, entries, read) for name in entries}


def _read(folder: Path, name: str) -> tuple[bytes, Certificate]:
    try:
        pem = (folder / f"{name}.pem").read_bytes()
        der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
        return der, read_certificate(der)
    except (OSError, *UNREADABLE) as error:
        reason = f" ({error})" if isinstance(error, DerError) else ""
        raise AuditError(f"{name} : le certificat de l'AC ne se lit pas{reason}") from None


def _authority(name: str, entries: Mapping[str, _Entry], read: Mapping[str, tuple[bytes, Certificate]]) -> Authority:
    entry, (der, certificate) = entries[name], read[name]
    above = name
    for _ in entries:
        above = entries[above].issuer
        if above not in entries:
            raise AuditError(f"{INDEX} : l'AC au-dessus de {name} n'y est pas")
    if entries[above].issuer != above:
        raise AuditError(f"{INDEX} : les AC ne mènent pas à une racine")
    try:
        key = load_der_public_key(certificate.spki)
    except ValueError:
        key = None
    if not isinstance(key, rsa.RSAPublicKey):
        raise AuditError(f"{name} : la clé de l'AC n'est pas RSA")
    return Authority(
        short_name=name,
        issuer=entry.issuer,
        products=frozenset(entry.products),
        settings=entry.settings,
        der=der,
        certificate=certificate,
        public_key=key,
        directory_name=_directory_name(certificate, None if above == name else read[above][1]),
    )
