"""Delegated keys: an authority certifies a key of its platform for one office, and the key's holder needs no other.

Two offices exist: to answer for the authority (OCSP, see ocsp_signer.py) and to seal the audit trail (seal.py). One
PEM file holds certificate and encrypted key. Who signs the certificates, and when, is decided by the caller.
"""

import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID

from pki.authority import Authority
from pki.certificates import der
from pki.certificates.reading import UNREADABLE
from pki.errors import DelegationError, SignerError
from pki.keys.key_policy import RSA_BITS
from pki.signer import Signer
from pki.signing import sign

_COMMON_NAME_LENGTH = 64
_FORBIDDEN_BITS = 0o077
_PKCS1V15 = PKCS1v15()
_SHA256 = SHA256()
_PROBE = b"consistency check of a delegated key"
_DIGITAL_SIGNATURE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
ExtensionList = list[tuple[x509.ExtensionType, bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """What a delegated key is for. `product` stands where a product stands; it is in no offer and in no demande.

    The name of the holder is that of the authority, its common name behind `prefix`. `particular` gives the
    extensions that make the office, each with its criticality, beside those that all offices share.
    """

    product: str
    prefix: str
    suffix_of_file: str
    particular: Callable[[Authority], ExtensionList]


def prepare_certificate(
    office: Office, authority: Authority, public_key: rsa.RSAPublicKey, serial: int, now: datetime, life: timedelta
) -> bytes:
    """Return the TBSCertificate of a delegated key, DER, for the caller to store before it is signed.

    Valid from `now` (to the second) for `life`, at most to the end of the authority. DelegationError when `now` has
    no zone or nothing would be left of the validity.
    """
    if now.tzinfo is None:
        raise DelegationError("a date without time zone")
    start = now.astimezone(UTC).replace(microsecond=0)
    end = min(start + life, authority.not_after)
    if end <= start:
        raise DelegationError("the validity of a delegated key would end before it begins")
    unsigned = (
        x509.CertificateBuilder()
        .subject_name(holder_name(office, authority))
        .issuer_name(authority.certificate.subject)
        .public_key(public_key)
        .serial_number(serial)
        .not_valid_before(start)
        .not_valid_after(end)
    )
    for extension, critical in _extensions(office, authority, public_key):
        unsigned = unsigned.add_extension(extension, critical=critical)
    return _to_be_signed(unsigned)


def holder_name(office: Office, authority: Authority) -> x509.Name:
    """Return the name of the holder: that of the authority, its common name behind the office's prefix."""
    attributes: list[x509.NameAttribute[str | bytes]] = []
    for attribute in authority.certificate.subject:
        if attribute.oid == NameOID.COMMON_NAME:
            value = (office.prefix + str(attribute.value))[:_COMMON_NAME_LENGTH].rstrip()
            attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, value))
        else:
            attributes.append(x509.NameAttribute(attribute.oid, str(attribute.value)))
    return x509.Name(attributes)


def _extensions(office: Office, authority: Authority, public_key: rsa.RSAPublicKey) -> ExtensionList:
    """Return the extensions in order, each with its criticality."""
    settings = authority.settings
    policy = x509.PolicyInformation(x509.ObjectIdentifier(settings.policy_oid), [settings.cps_uri])
    return [
        (x509.BasicConstraints(ca=False, path_length=None), False),
        (x509.SubjectKeyIdentifier.from_public_key(public_key), False),
        (x509.AuthorityKeyIdentifier(authority.key_id, None, None), False),
        (_DIGITAL_SIGNATURE, True),
        (x509.CertificatePolicies([policy]), False),
        *office.particular(authority),
    ]


def _to_be_signed(builder: x509.CertificateBuilder) -> bytes:
    """Return what the builder would have signed: it signs with a key of its own making, which is thrown away."""
    throw_away = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    return builder.sign(throw_away, _SHA256).tbs_certificate_bytes


def issue_certificate(office: Office, authority: Authority, signer: Signer, tbs: bytes) -> bytes:
    """Return the certificate of a delegated key, DER: exactly these bytes, checked, signed by its authority.

    DelegationError when the bytes are not a certificate of this office; SignerError as in signing.sign, and when the
    signer is another authority's.
    """
    if signer.authority != authority.short_name:
        raise SignerError(f"le signataire de {signer.authority} ne peut pas signer pour {authority.short_name}")
    check_profile(office, authority, _unsigned(tbs))
    return sign(tbs, signer, authority.public_key)


def _unsigned(tbs: bytes) -> x509.Certificate:
    """Return the certificate with an empty signature, to be read with the library's own eyes."""
    try:
        return x509.load_der_x509_certificate(der.sequence(tbs, der.SHA256_WITH_RSA, der.bit_string(b"")))
    except UNREADABLE:
        raise DelegationError("not a TBSCertificate") from None


def check_profile(office: Office, authority: Authority, certificate: x509.Certificate) -> rsa.RSAPublicKey:
    """Return the key of a delegated certificate; DelegationError names the first thing that is not the profile."""
    what = office.product
    try:
        public_key = certificate.public_key()
        found = [(extension.value, extension.critical) for extension in certificate.extensions]
    except ValueError:
        raise DelegationError(f"{what}: the certificate cannot be read") from None
    if not isinstance(public_key, rsa.RSAPublicKey) or public_key.key_size != RSA_BITS:
        raise DelegationError(f"{what}: the key is not RSA of the expected size")
    if certificate.issuer.public_bytes() != authority.name_der or certificate.subject != holder_name(office, authority):
        raise DelegationError(f"{what}: the names of the certificate are not those of its authority")
    if certificate.not_valid_after_utc > authority.not_after:
        raise DelegationError(f"{what}: the certificate outlives its authority")
    if found != _extensions(office, authority, public_key):
        raise DelegationError(f"{what}: the extensions of the certificate are not those of the profile")
    return public_key


@dataclass(frozen=True, eq=False)
class DelegatedSigner:
    """A delegated key and its certificate; a Signer (see the port), `authority` being for whom it signs."""

    authority: str
    certificate: x509.Certificate
    certificate_der: bytes
    private_key: rsa.RSAPrivateKey

    def __repr__(self) -> str:
        return f"DelegatedSigner({self.authority!r})"

    @cached_property
    def public_key(self) -> rsa.RSAPublicKey:
        """The certified key."""
        key = self.certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise SignerError(f"{self.authority} : la clé déléguée n'est pas RSA")
        return key

    @cached_property
    def key_hash(self) -> bytes:
        """SHA-1 of the public key: how an OCSP answer names its responder (RFC 6960 §4.2.1, KeyHash)."""
        return x509.SubjectKeyIdentifier.from_public_key(self.public_key).digest

    @cached_property
    def not_before(self) -> datetime:
        """Start of the holder's validity, aware UTC."""
        return self.certificate.not_valid_before_utc

    @cached_property
    def not_after(self) -> datetime:
        """End of the holder's validity, aware UTC: nothing that it signs may last longer."""
        return self.certificate.not_valid_after_utc

    def sign(self, tbs: bytes) -> bytes:
        """Return the sha256WithRSAEncryption signature of the bytes."""
        try:
            return self.private_key.sign(tbs, _PKCS1V15, _SHA256)
        except ValueError:
            raise SignerError(f"{self.authority} : la clé déléguée ne sait pas signer") from None


def signer_file(office: Office, folder: Path, short_name: str) -> Path:
    """Return where the delegate of an authority has its certificate and its encrypted key, PEM, in one file."""
    return folder / f"{short_name}.{office.suffix_of_file}.pem"


def load_delegated_signer(office: Office, authority: Authority, file: Path, passphrase: bytes) -> DelegatedSigner:
    """Return the delegate of an authority, from one PEM file with certificate and encrypted key.

    SignerError when the file is missing, open to other users, of a wrong pass phrase, or when key, certificate and
    authority do not belong together.
    """
    name = authority.short_name
    try:
        if not _is_closed(file):
            raise SignerError(f"{name} : {file.name} est ouvert à d'autres comptes (chmod 600 attendu)")
        pem = file.read_bytes()
        certificate = x509.load_pem_x509_certificate(pem)
        # The probe signature below is what matters; the library's own validation is slow.
        key = load_pem_private_key(pem, passphrase, unsafe_skip_rsa_key_validation=True)
        certificate.verify_directly_issued_by(authority.certificate)
        public_key = check_profile(office, authority, certificate)
    except OSError:
        raise SignerError(f"{name} : {file.name} est absent ou illisible") from None
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature, DelegationError):
        raise SignerError(
            f"{name} : {file.name} n'est pas la clé et le certificat attendus, ou la phrase de passe ne l'ouvre pas"
        ) from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise SignerError(f"{name} : la clé de {file.name} n'est pas RSA")
    try:
        public_key.verify(key.sign(_PROBE, _PKCS1V15, _SHA256), _PROBE, _PKCS1V15, _SHA256)
    except (ValueError, InvalidSignature):
        raise SignerError(f"{name} : la clé de {file.name} n'est pas celle de son certificat") from None
    return DelegatedSigner(
        authority=name,
        certificate=certificate,
        certificate_der=certificate.public_bytes(Encoding.DER),
        private_key=key,
    )


def _is_closed(file: Path) -> bool:
    """Whether nobody else can open it; the group may read it in a folder that hands its group on (setgid)."""
    status, folder = file.stat(), file.parent.stat()
    open_to = status.st_mode & _FORBIDDEN_BITS
    shared = bool(folder.st_mode & stat.S_ISGID) and status.st_gid == folder.st_gid
    return not open_to or (shared and open_to == stat.S_IRGRP)
