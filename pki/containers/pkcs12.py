"""PKCS#12 files (RFC 7292) for those who hold their own key: modern by default, the old form on explicit choice."""

from enum import Enum

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12

from pki.certificates.reading import UNREADABLE
from pki.errors import ContainerError

_MODERN_ROUNDS = 100_000
_LEGACY_ROUNDS = 2048  # What software of the old form expects; it rests on 3DES and SHA-1 anyway.
_MIN_PASSWORD = 12


class Pkcs12Form(Enum):
    """MODERN: PBES2, AES-256, MAC with SHA-256. LEGACY: 3DES and SHA-1, for software that knows nothing else."""

    MODERN = "modern"
    LEGACY = "legacy"


def to_pkcs12(
    key: rsa.RSAPrivateKey,
    leaf: bytes,
    chain: tuple[bytes, ...],
    password: str,
    *,
    friendly_name: str | None = None,
    form: Pkcs12Form = Pkcs12Form.MODERN,
) -> bytes:
    """Return a PKCS#12 file with key, certificate and chain (DER certificates).

    A password beyond ASCII is encoded as RFC 7292 says; openssl opens such a file, key stores of Java do not.

    ContainerError when the password has fewer than 12 characters, a certificate cannot be read, or the key is not
    the certificate's.
    """
    if len(password) < _MIN_PASSWORD:
        raise ContainerError(f"the password has fewer than {_MIN_PASSWORD} characters")
    try:
        certificate = x509.load_der_x509_certificate(leaf)
        others = [x509.load_der_x509_certificate(der) for der in chain]
    except UNREADABLE:
        raise ContainerError("not a DER certificate") from None
    if certificate.public_key() != key.public_key():
        raise ContainerError("the key is not the certificate's")
    builder = PrivateFormat.PKCS12.encryption_builder()
    if form is Pkcs12Form.MODERN:
        builder = builder.kdf_rounds(_MODERN_ROUNDS).key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        builder = builder.hmac_hash(SHA256())
    else:
        builder = builder.kdf_rounds(_LEGACY_ROUNDS).key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        builder = builder.hmac_hash(SHA1())  # noqa: S303 -- the old form, on explicit choice
    name = friendly_name.encode() if friendly_name is not None else None
    encryption = builder.build(password.encode())
    return pkcs12.serialize_key_and_certificates(name, key, certificate, others, encryption)
