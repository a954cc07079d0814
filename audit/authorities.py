"""The authorities as their index and their certificates describe them, read with the auditor's own eyes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
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
from audit.asn1 import DerError
from audit.reading import Attribute, Certificate, read_certificate

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
    seal_key_usage_oid: str = "1.3.6.1.4.1.32473.71.9.1"


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    short_name: str
    issuer: str
    settings: Settings
    products: tuple[str, ...] = ()


class _Index(msgspec.Struct, frozen=True, kw_only=True):
    authorities: tuple[_Entry, ...]


@dataclass(frozen=True, eq=False)
class Authority:
    """One root or issuing CA. Two may share a name: each short name has a key of its own."""

    short_name: str
    issuer: str
    products: frozenset[str]
    settings: Settings
    der: bytes
    certificate: Certificate
    public_key: rsa.RSAPublicKey

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

    def has_signed(self, signed: bytes, signature: bytes) -> bool:
        """Whether the signature (sha256WithRSAEncryption) over these bytes is its own."""
        try:
            self.public_key.verify(signature, signed, _PKCS1, _SHA256)
        except InvalidSignature:
            return False
        return True


class Authorities(Mapping[str, Authority]):
    """All authorities of the instance by short name."""

    def __init__(self, known: Mapping[str, Authority]) -> None:
        self._known = known
        self._directory = {name: _directory_name(one, self.root_of(one)) for name, one in known.items()}

    def __getitem__(self, name: str) -> Authority:
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    @property
    def issuing(self) -> list[Authority]:
        """Those that issue to others than authorities."""
        return [one for one in self._known.values() if one.products]

    def root_of(self, authority: Authority) -> Authority:
        """The root above; AuditError when the index goes in a circle."""
        for _ in self._known:
            if authority.is_root:
                return authority
            authority = self._known[authority.issuer]
        raise AuditError(f"{INDEX} : les AC ne mènent pas à une racine")

    def url(self, authority: Authority, template: str) -> str:
        """An address of the settings, filled in for an authority."""
        return template.format(short_name=authority.short_name, dn=self._directory[authority.short_name])


def _directory_name(authority: Authority, root: Authority) -> str:
    """The entry in the directory (RFC 4514, RFC 4516): the name backwards; an issuing CA hangs below its root's CN."""
    parts = [(_LDAP.get(one.oid, one.oid), _text(one)) for (one, *_rest) in authority.certificate.subject]
    parts.reverse()
    if root is not authority:
        name = next(_text(one) for (one, *_rest) in root.certificate.subject if one.oid == expected.COMMON_NAME)
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
        raise AuditError(f"{INDEX} : {error}") from None
    known = {entry.short_name: _read(folder, entry) for entry in index.authorities}
    if not known or any(one.issuer not in known for one in known.values()):
        raise AuditError(f"{INDEX} : une AC manque")
    return Authorities(known)


def _read(folder: Path, entry: _Entry) -> Authority:
    try:
        pem = (folder / f"{entry.short_name}.pem").read_bytes()
        der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
        certificate = read_certificate(der)
        key = load_der_public_key(certificate.spki)
    except (OSError, ValueError) as error:
        reason = f" ({error})" if isinstance(error, DerError) else ""
        raise AuditError(f"{entry.short_name} : le certificat de l'AC ne se lit pas{reason}") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise AuditError(f"{entry.short_name} : la clé de l'AC n'est pas RSA")
    return Authority(entry.short_name, entry.issuer, frozenset(entry.products), entry.settings, der, certificate, key)
