"""Keys made once a session and kept in memory, and certificate requests signed with them, good and bad."""

from __future__ import annotations

from functools import cache
from threading import Lock

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.support.damage import flipped

_EXPONENT = 65537
_one_at_a_time = Lock()


def key(number: int, bits: int = 2048) -> rsa.RSAPrivateKey:
    """The RSA key of that number, always the same within a session, in every thread."""
    with _one_at_a_time:
        return _key(number, bits)


@cache
def _key(_number: int, bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(_EXPONENT, bits)


@cache
def csr(number: int, variant: str = "") -> bytes:
    """A good request for key ``number``, DER; each ``variant`` is another request for the same key."""
    return _sign(key(number), variant or f"key {number}")


@cache
def small_csr() -> bytes:
    """A request whose key has 1024 bits."""
    return _sign(key(0, 1024), "small")


@cache
def elliptic_csr() -> bytes:
    """A request for a key that is not RSA."""
    return (
        _builder("elliptic").sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()).public_bytes(Encoding.DER)
    )


@cache
def sha512_csr(number: int) -> bytes:
    """A request signed with another algorithm than sha256WithRSAEncryption."""
    return _builder("sha512").sign(key(number), hashes.SHA512()).public_bytes(Encoding.DER)


def broken_csr(number: int) -> bytes:
    """A request whose signature proves nothing: its last bit is turned."""
    return flipped(csr(number))


def _builder(common_name: str) -> x509.CertificateSigningRequestBuilder:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    return x509.CertificateSigningRequestBuilder().subject_name(name)


def _sign(private_key: rsa.RSAPrivateKey, common_name: str) -> bytes:
    return _builder(common_name).sign(private_key, hashes.SHA256()).public_bytes(Encoding.DER)
