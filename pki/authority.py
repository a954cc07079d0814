"""Certification authorities as relying parties see them: certificate, chain, names, settings. No key is ever here.

A folder holds one PEM certificate per authority and one index, `authorities.json`, written by the ceremony. Two
authorities may share a name with different keys: they are told apart by key identifier.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from pki.certificates import der
from pki.certificates.profiles import PRODUCTS, ProfileSettings
from pki.certificates.reading import UNREADABLE, UNVERIFIED
from pki.certificates.serials import serial_hex
from pki.errors import AuthorityError
from pki.wording import in_french

INDEX_NAME = "authorities.json"
_MAX_CHAIN = 4


class AuthorityEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One authority in the index: `issuer` is the short name of the authority above, its own for a root."""

    short_name: str
    issuer: str
    products: tuple[str, ...] = ()
    settings: ProfileSettings = ProfileSettings()


class AuthorityIndex(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The content of `authorities.json`."""

    authorities: tuple[AuthorityEntry, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Authority:
    """One root or issuing CA; `chain` is DER, this authority first and the root last (a root is its own chain)."""

    short_name: str
    certificate: x509.Certificate
    chain: tuple[bytes, ...]
    products: frozenset[str]
    settings: ProfileSettings

    def __repr__(self) -> str:
        return f"Authority({self.short_name!r})"

    @cached_property
    def certificate_der(self) -> bytes:
        """The authority's own certificate, DER."""
        return self.chain[0]

    @cached_property
    def is_root(self) -> bool:
        """Whether the authority is self-signed."""
        return len(self.chain) == 1

    @cached_property
    def name_der(self) -> bytes:
        """The distinguished name exactly as it stands in the certificate, DER."""
        return self.certificate.subject.public_bytes()

    @cached_property
    def name_hash(self) -> bytes:
        """SHA-256 of the DER name: with a serial it identifies a certificate (RFC 5280 §4.1.2.2)."""
        return hashlib.sha256(self.name_der).digest()

    @cached_property
    def common_name(self) -> str:
        """The common name, for people."""
        return _common_name(self.certificate)

    @cached_property
    def public_key(self) -> rsa.RSAPublicKey:
        """The key that verifies what the authority signs."""
        key = self.certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise AuthorityError(f"{self.short_name} : la clé de l'AC n'est pas RSA")
        return key

    @cached_property
    def spki(self) -> bytes:
        """The DER SubjectPublicKeyInfo of the authority."""
        return self.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @cached_property
    def key_bits(self) -> bytes:
        """The content of the key's BIT STRING, which an OCSP CertID hashes (RFC 6960 §4.1.1)."""
        start, end = der.sole(self.spki, der.SEQUENCE)
        _, _, bits, stop = der.children(self.spki, start, end)[1]
        return self.spki[bits + 1 : stop]

    @cached_property
    def key_id(self) -> bytes:
        """The subject key identifier, which AuthorityKeyIdentifier of issued certificates repeats."""
        return _key_id(self.certificate)

    @cached_property
    def not_before(self) -> datetime:
        """Start of the authority's own validity, aware UTC."""
        return self.certificate.not_valid_before_utc

    @cached_property
    def not_after(self) -> datetime:
        """End of the authority's own validity, aware UTC: nothing that it issues may outlive it."""
        return self.certificate.not_valid_after_utc

    @cached_property
    def chain_term(self) -> tuple[datetime, datetime]:
        """When every certificate of the chain is in force, aware UTC (RFC 5280 §6.1.3 (a) (2))."""
        chain = [x509.load_der_x509_certificate(der) for der in self.chain]
        return max(one.not_valid_before_utc for one in chain), min(one.not_valid_after_utc for one in chain)

    def url(self, template: str) -> str:
        """Return a URL template of the settings, filled in for this authority."""
        return template.format(short_name=self.short_name, dn=self.directory_name)

    @cached_property
    def directory_name(self) -> str:
        """The percent-encoded entry of the directory (RFC 4516); an issuing CA hangs below its root's name."""
        attributes = [
            (_LDAP_KEYS.get(attribute.oid, attribute.oid.dotted_string), str(attribute.value))
            for attribute in self.certificate.subject
        ]
        attributes.reverse()
        if not self.is_root:
            root = _common_name(x509.load_der_x509_certificate(self.chain[-1]))
            attributes.insert(1, ("ou", root))
        return ",".join(f"{key}={quote(_escape(value), safe='')}" for key, value in attributes)


_LDAP_KEYS = {
    NameOID.COMMON_NAME: "cn",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "ou",
    NameOID.ORGANIZATION_NAME: "o",
    NameOID.COUNTRY_NAME: "c",
}


def _escape(value: str) -> str:
    """Return an attribute value with the special characters of RFC 4514 §2.4 escaped."""
    return "".join(f"\\{character}" if character in '\\,+"<>;=#' else character for character in value)


def common_name_of(der: bytes) -> str:
    """The common name in the subject of an authority's certificate (DER), for people."""
    return _common_name(x509.load_der_x509_certificate(der))


def _common_name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def _key_id(certificate: x509.Certificate) -> bytes:
    return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest


def load_authorities(folder: Path) -> Mapping[str, Authority]:
    """Return the authorities of a folder by short name, each with its verified chain up to a self-signed root.

    AuthorityError when the index or a certificate is missing, unreadable, not a CA certificate, or does not chain, and
    when a short name stands for two of them.
    """
    try:
        index = msgspec.json.decode((folder / INDEX_NAME).read_bytes(), type=AuthorityIndex)
    except OSError:
        raise AuthorityError(
            f"{folder / INDEX_NAME} : fichier absent ou illisible ; la cérémonie (igc ceremony) le crée"
        ) from None
    except msgspec.MsgspecError as error:
        raise AuthorityError(f"{INDEX_NAME} : {in_french(error)}") from None
    entries = {entry.short_name: entry for entry in index.authorities}
    if len(entries) != len(index.authorities):
        names = [entry.short_name for entry in index.authorities]
        twice = next(name for name in names if names.count(name) > 1)
        raise AuthorityError(f"{folder / INDEX_NAME} : deux AC y ont le nom court {twice}")
    certificates = {name: _read_certificate(folder, name) for name in entries}
    return MappingProxyType({name: _authority(name, entries, certificates) for name in entries})


def _read_certificate(folder: Path, short_name: str) -> x509.Certificate:
    try:
        certificate = x509.load_pem_x509_certificate((folder / f"{short_name}.pem").read_bytes())
    except (OSError, *UNREADABLE):
        raise AuthorityError(f"{short_name} : le certificat de l'AC est absent ou ne se lit pas") from None
    check_authority(certificate, short_name)
    return certificate


def check_authority(certificate: x509.Certificate, short_name: str) -> None:
    """Return when the certificate makes its holder an authority that signs certificates and CRLs; else AuthorityError.

    RFC 5280 §4.2.1.2, §4.2.1.3, §4.2.1.9: a key identifier, keyCertSign and cRLSign, cA.
    """
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        _key_id(certificate)
    except UNREADABLE:
        raise AuthorityError(f"{short_name} : le certificat de l'AC est absent ou ne se lit pas") from None
    if not (constraints.ca and usage.key_cert_sign and usage.crl_sign):
        raise AuthorityError(f"{short_name} : ce certificat n'est pas celui d'une AC")


def _authority(
    short_name: str,
    entries: Mapping[str, AuthorityEntry],
    certificates: Mapping[str, x509.Certificate],
) -> Authority:
    entry = entries[short_name]
    if unknown := set(entry.products) - PRODUCTS.keys():
        raise AuthorityError(f"{short_name} : produits inconnus : {', '.join(sorted(unknown))}")
    chain: list[bytes] = []
    name = short_name
    while True:
        above = entries[name].issuer
        if above not in entries or len(chain) >= _MAX_CHAIN:
            raise AuthorityError(f"{short_name} : sa chaîne ne finit pas à une racine")
        _check_link(certificates[name], certificates[above], name, below=len(chain))
        chain.append(certificates[name].public_bytes(Encoding.DER))
        if above == name:
            break
        name = above
    return Authority(
        short_name=short_name,
        certificate=certificates[short_name],
        chain=tuple(chain),
        products=frozenset(entry.products),
        settings=entry.settings,
    )


def _check_link(certificate: x509.Certificate, issuer: x509.Certificate, short_name: str, *, below: int) -> None:
    """`below` is how many authorities the chain has under this one (RFC 5280 §4.2.1.9)."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except UNVERIFIED:
        raise AuthorityError(f"{short_name} : n'est pas délivrée par l'AC que l'index nomme au-dessus d'elle") from None
    length = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
    if length is not None and length < below:
        raise AuthorityError(
            f"{short_name} : plus d'AC au-dessous d'elle que sa longueur de chemin (pathLen) ne permet"
        )


def find_issuer(authorities: Mapping[str, Authority], certificate: x509.Certificate) -> Authority:
    """Return the authority that signed the certificate: name, key identifier and signature agree.

    AuthorityError when there is none. Validity and revocation are the caller's to check.
    """
    try:
        issuer_der = certificate.issuer.public_bytes()
    except UNREADABLE:
        raise AuthorityError("le nom de l'émetteur ne se lit pas") from None
    for authority in authorities.values():
        if authority.name_der == issuer_der and _key_id_fits(certificate, authority):
            try:
                certificate.verify_directly_issued_by(authority.certificate)
            except UNVERIFIED:
                continue
            return authority
    raise AuthorityError("aucune de ces AC n'a délivré ce certificat")


def links_above(authorities: Mapping[str, Authority], authority: Authority) -> tuple[tuple[str, str], ...]:
    """Return each link of the chain upwards: short name of the issuer, serial of the certificate issued (serial_hex).

    Empty for a root. AuthorityError when an issuer is not among `authorities`: nobody could ask what it has revoked.
    """
    names = {one.certificate_der: name for name, one in authorities.items()}
    try:
        return tuple(
            (names[above], serial_hex(x509.load_der_x509_certificate(below).serial_number))
            for below, above in pairwise(authority.chain)
        )
    except KeyError:
        raise AuthorityError(f"{authority.short_name} : une AC au-dessus d'elle n'est pas connue ici") from None


def _key_id_fits(certificate: x509.Certificate, authority: Authority) -> bool:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    except UNREADABLE:
        return False
    return extension.value.key_identifier == authority.key_id


def key_hashes(authorities: Iterable[Authority]) -> frozenset[bytes]:
    """Return the SHA-256 of every authority's SubjectPublicKeyInfo: keys that no request may present (KeyPolicy)."""
    return frozenset(hashlib.sha256(authority.spki).digest() for authority in authorities)
