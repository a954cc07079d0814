"""Certification requests good and bad, each with the verdict of accept_csr; built octet by octet where needed.

Elsewhere, because they take more than one request or one list: keys with a prime in common, the same key twice, a key
certified for somebody else (tests/integration/registration: test_shared_primes, test_keys), compromised keys
(tests/integration/ac/test_blocked_keys), predictable keys (test_pki_key_list), keys of the authorities and forms of
PEM (test_pki_csr), the values of a subject, which never come from a request (test_pki_content).
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from math import prod

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.hashes import MD5, SHA1, SHA256, SHA384, HashAlgorithm
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

from pki.certificates import der
from pki.errors import CsrProblem, KeyWeakness
from tests.support.damage import flipped
from tests.vectors.keys import EXPONENT, base, is_prime, key, key_of, next_prime
from tests.vectors.samples import make_root
from tests.vectors.samples import spki as spki_of

RSA = der.object_identifier("1.2.840.113549.1.1.1")
NULL = b"\x05\x00"
_PSS = der.object_identifier("1.2.840.113549.1.1.10")
_EXTENSION_REQUEST = der.object_identifier("1.2.840.113549.1.9.14")
_CHALLENGE_PASSWORD = der.object_identifier("1.2.840.113549.1.9.7")
_COMMON_NAME = der.object_identifier("2.5.4.3")
_MD5_WITH_RSA = der.sequence(der.object_identifier("1.2.840.113549.1.1.4"), NULL)
_SHA1_WITH_RSA = der.sequence(der.object_identifier("1.2.840.113549.1.1.5"), NULL)
_SHA384_WITH_RSA = der.sequence(der.object_identifier("1.2.840.113549.1.1.12"), NULL)


def rdn(oid: bytes, value: bytes, tag: int = der.UTF8_STRING) -> bytes:
    return der.set_of([der.sequence(oid, der.tlv(tag, value))])


SUBJECT = der.sequence(rdn(_COMMON_NAME, b"ignored"))


def rsa_spki(modulus: int, exponent: int = EXPONENT, algorithm: bytes = RSA + NULL) -> bytes:
    numbers = der.sequence(der.integer(modulus), der.integer(exponent))
    return der.sequence(der.sequence(algorithm), der.bit_string(numbers))


def build(
    *,
    spki: bytes | None = None,
    subject: bytes = SUBJECT,
    attributes: bytes = b"",
    version: int = 0,
    algorithm: bytes = der.SHA256_WITH_RSA,
    digest: HashAlgorithm | None = None,
    scheme: padding.AsymmetricPadding | None = None,
    signer: rsa.RSAPrivateKey | None = None,
) -> bytes:
    """Return a request; by default a good one, signed by the test key "leaf"."""
    info = der.sequence(der.integer(version), subject, spki or spki_of(), der.tlv(der.CONTEXT_0, attributes))
    signature = (signer or key("leaf")).sign(info, scheme or padding.PKCS1v15(), digest or SHA256())
    return der.sequence(info, algorithm, der.bit_string(signature))


_MODULUS = key("leaf").public_key().public_numbers().n


def _rsa_octets(modulus: bytes, after: bytes = b"") -> bytes:
    """Return the key "leaf" with its modulus written as these octets, and octets after its numbers."""
    numbers = der.sequence(der.tlv(der.INTEGER, modulus), der.integer(EXPONENT))
    return der.sequence(der.sequence(RSA + NULL), der.bit_string(numbers + after))


def weak(p: int, q: int, exponent: int = EXPONENT) -> bytes:
    """Return a request signed by the key of two given primes."""
    return build(spki=rsa_spki(p * q, exponent), signer=key_of(p, q))


def by_library(private: CertificateIssuerPrivateKeyTypes, *extensions: x509.ExtensionType) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ignored")]),
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    digest = None if isinstance(private, ed25519.Ed25519PrivateKey) else SHA256()
    return builder.sign(private, digest).public_bytes(Encoding.DER)


def attribute(oid: bytes, value: bytes) -> bytes:
    return der.sequence(oid, der.set_of([value]))


@cache
def roca_primes() -> tuple[int, int]:
    """Return two 1024-bit primes of the flawed form k*M + (65537**a mod M) (Nemec et al., 2017)."""
    small = [number for number in range(2, 702) if is_prime(number, 8)]
    product = prod(small)
    found = []
    for power in (1001, 2003):
        step = base(f"roca-{power}") // product
        while not is_prime(candidate := step * product + pow(EXPONENT, power, product), 4):
            step += 1
        found.append(candidate)
    return found[0], found[1]


@cache
def close_primes() -> tuple[int, int]:
    """Return two primes that differ by less than Fermat's method needs."""
    p = next_prime(base("close"))
    return p, next_prime(p + 2)


def multiple_of(factor: int) -> int:
    """Return an odd modulus of 2048 bits with a given factor."""
    number = base("multiple", 2048) // factor * factor
    return number if number & 1 or factor % 2 == 0 else number + factor


def off_curve() -> bytes:
    good = by_library(ec.derive_private_key(7, ec.SECP256R1()))
    point = good.index(b"\x03\x42\x00\x04") + 40
    return good[:point] + bytes((good[point] ^ 1,)) + good[point + 1 :]


def _san(count: int) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.DNSName(f"h{number}.example") for number in range(count)])


def _flip_last(data: bytes) -> bytes:
    return flipped(data)


def _indefinite() -> bytes:
    good = build()
    start, end = der.sole(good, der.SEQUENCE)
    return b"\x30\x80" + good[start:end] + b"\x00\x00"


def _certificate() -> bytes:
    return make_root().certificate_der


def _long_length() -> bytes:
    """Return a request whose outer length has one octet too many."""
    good = build()
    start, end = der.sole(good, der.SEQUENCE)
    return b"\x30\x83\x00" + (end - start).to_bytes(2, "big") + good[start:end]


_TO_A_PRIME = 1224  # written down, as in keys.py, so that nothing is searched


PRIME = base("prime", 2048) + _TO_A_PRIME


def prime_modulus(modulus: int = PRIME) -> bytes:
    """Return a request whose modulus is a prime: whoever sees it computes the exponent that signed this."""
    info = der.sequence(der.integer(0), SUBJECT, rsa_spki(modulus), b"\xa0\x00")
    digest = der.sequence(
        der.sequence(der.object_identifier("2.16.840.1.101.3.4.2.1"), NULL), der.octet_string(sha256(info).digest())
    )
    padded = int.from_bytes(b"\x00\x01" + b"\xff" * (253 - len(digest)) + b"\x00" + digest, "big")
    signature = pow(padded, pow(EXPONENT, -1, modulus - 1), modulus)
    return der.sequence(info, der.SHA256_WITH_RSA, der.bit_string(signature.to_bytes(256, "big")))


def no_attributes() -> bytes:
    info = der.sequence(der.integer(0), SUBJECT, spki_of())
    signature = key("leaf").sign(info, padding.PKCS1v15(), SHA256())
    return der.sequence(info, der.SHA256_WITH_RSA, der.bit_string(signature))


def _with_unused(good: bytes, bits: int) -> bytes:
    """Return a request whose signature says that so many of its last bits do not count."""
    return good[:-257] + bytes((bits,)) + good[-256:]


def unused_bits() -> bytes:
    """Return a request whose signature is right and ends with a bit that it says not to have."""
    for number in range(50):
        good = build(subject=der.sequence(rdn(_COMMON_NAME, str(number).encode())))
        if not good[-1] & 1:
            return _with_unused(good, 1)
    raise AssertionError


def to_pem(request: bytes) -> bytes:
    body = base64.encodebytes(request)
    return b"-----BEGIN CERTIFICATE REQUEST-----\n" + body + b"-----END CERTIFICATE REQUEST-----\n"


def _private(encryption: KeySerializationEncryption) -> bytes:
    return key("leaf").private_bytes(Encoding.DER, PrivateFormat.PKCS8, encryption)


def _unsorted_subject() -> bytes:
    members = [der.sequence(_COMMON_NAME, der.tlv(der.UTF8_STRING, text)) for text in (b"b", b"a")]
    return der.sequence(der.tlv(der.SET, b"".join(members)))


@dataclass(frozen=True)
class Case:
    """One request and what must be said of it; `problem` None means accepted."""

    make: Callable[[], bytes]
    problem: CsrProblem | None = None
    weakness: KeyWeakness | None = None


def _size(bits: int) -> Case:
    modulus = base(f"size-{bits}", bits) if bits % 512 == 0 else base("size", 2560) >> (2560 - bits) | 1
    return Case(lambda: build(spki=rsa_spki(modulus)), CsrProblem.WRONG_KEY_SIZE)


def _exponent(exponent: int, problem: CsrProblem = CsrProblem.WRONG_EXPONENT) -> Case:
    modulus = key("leaf").public_key().public_numbers().n
    return Case(lambda: build(spki=rsa_spki(modulus, exponent)), problem)


def _factor(factor: int, weakness: KeyWeakness) -> Case:
    return Case(lambda: build(spki=rsa_spki(multiple_of(factor))), CsrProblem.WEAK_KEY, weakness)


def _subject(subject: bytes) -> Case:
    return Case(lambda: build(subject=subject))


_P = CsrProblem
_PSS_PADDING = padding.PSS(padding.MGF1(SHA256()), 32)


_P256_ALGORITHM = der.sequence(der.object_identifier("1.2.840.10045.2.1"), der.object_identifier("1.2.840.10045.3.1.7"))
_ECDSA_WITH_SHA256 = der.sequence(der.object_identifier("1.2.840.10045.4.3.2"))


def _compressed() -> bytes:
    public = ec.derive_private_key(7, ec.SECP256R1()).public_key()
    return public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)


def _point(octets: bytes) -> Callable[[], bytes]:
    """Return a request whose key on P-256 is given by other octets than those of its signer."""

    def make() -> bytes:
        key_info = der.sequence(_P256_ALGORITHM, der.bit_string(octets))
        info = der.sequence(der.integer(0), SUBJECT, key_info, b"\xa0\x00")
        signature = ec.derive_private_key(7, ec.SECP256R1()).sign(info, ec.ECDSA(SHA256()))
        return der.sequence(info, _ECDSA_WITH_SHA256, der.bit_string(signature))

    return make


def _hybrid() -> bytes:
    """Return the point of scalar 7 with both coordinates and the parity of y (X9.62 hybrid form)."""
    numbers = ec.derive_private_key(7, ec.SECP256R1()).public_key().public_numbers()
    return bytes((6 + numbers.y % 2,)) + numbers.x.to_bytes(32) + numbers.y.to_bytes(32)


def p256(scalar: int = 7, digest: SHA256 | SHA384 | None = None) -> bytes:
    """Return a good request with a key on P-256."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ignored")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    return builder.sign(ec.derive_private_key(scalar, ec.SECP256R1()), digest or SHA256()).public_bytes(Encoding.DER)


# Under a policy that admits P-256; each is refused as WRONG_KEY_TYPE under the default one, or worse.
P256_CASES: dict[str, Case] = {
    "p256": Case(p256),
    "p256-sha384": Case(lambda: p256(digest=SHA384()), CsrProblem.WRONG_ALGORITHM),
    "p256-signature-broken": Case(lambda: _flip_last(p256()), CsrProblem.BAD_SIGNATURE),
    "p256-compressed": Case(_point(_compressed()), CsrProblem.WRONG_KEY_TYPE),
    "p256-hybrid": Case(_point(_hybrid()), CsrProblem.WRONG_KEY_TYPE),
    "p256-at-infinity": Case(_point(b"\x00"), CsrProblem.WRONG_KEY_TYPE),
    "p256-no-point": Case(_point(b""), CsrProblem.WRONG_KEY_TYPE),
    "p256-off-curve": Case(off_curve, CsrProblem.WRONG_KEY_TYPE),
    "p384": Case(lambda: by_library(ec.derive_private_key(7, ec.SECP384R1())), CsrProblem.WRONG_KEY_TYPE),
    "secp256k1": Case(lambda: by_library(ec.derive_private_key(7, ec.SECP256K1())), CsrProblem.WRONG_KEY_TYPE),
    "rsa": Case(build),
}

CASES: dict[str, Case] = {
    "good": Case(build),
    "rsa-1024": _size(1024),
    "rsa-2047": _size(2047),
    "rsa-2049": _size(2049),
    "rsa-4096": _size(4096),
    "rsa-8192": _size(8192),
    # The library itself refuses these two as keys.
    "exponent-1": _exponent(1, _P.WRONG_KEY_TYPE),
    "exponent-even": _exponent(65536, _P.WRONG_KEY_TYPE),
    "exponent-3": _exponent(3),
    "exponent-65535": _exponent(65535),
    "exponent-2-256-plus-1": _exponent(2**256 + 1),
    "modulus-even": _factor(2, KeyWeakness.EVEN_MODULUS),
    "modulus-divisible-by-3": _factor(3, KeyWeakness.SMALL_FACTOR),
    "modulus-divisible-by-751": _factor(751, KeyWeakness.SMALL_FACTOR),
    "modulus-zero": Case(lambda: build(spki=rsa_spki(0)), _P.WRONG_KEY_TYPE),
    "modulus-negative": Case(lambda: build(spki=_rsa_octets(_MODULUS.to_bytes(256))), _P.WRONG_KEY_TYPE),
    "modulus-with-a-zero-too-many": Case(lambda: build(spki=_rsa_octets(_MODULUS.to_bytes(258))), _P.WRONG_KEY_TYPE),
    "key-with-trailing-bytes": Case(
        lambda: build(spki=_rsa_octets(_MODULUS.to_bytes(257), b"\x05\x00")), _P.WRONG_KEY_TYPE
    ),
    "close-primes": Case(lambda: weak(*close_primes()), _P.WEAK_KEY, KeyWeakness.CLOSE_PRIMES),
    "same-prime-twice": Case(
        lambda: build(spki=rsa_spki(close_primes()[0] ** 2)),
        _P.WEAK_KEY,
        KeyWeakness.CLOSE_PRIMES,
    ),
    "roca": Case(lambda: weak(*roca_primes()), _P.WEAK_KEY, KeyWeakness.ROCA),
    "signature-broken": Case(lambda: _flip_last(build()), _P.BAD_SIGNATURE),
    "signature-of-another-key": Case(lambda: build(signer=key("leaf-2")), _P.BAD_SIGNATURE),
    "signature-empty": Case(
        lambda: der.sequence(
            der.sequence(der.integer(0), SUBJECT, spki_of(), b"\xa0\x00"),
            der.SHA256_WITH_RSA,
            der.bit_string(b""),
        ),
        _P.BAD_SIGNATURE,
    ),
    "sha1": Case(lambda: build(algorithm=_SHA1_WITH_RSA, digest=SHA1()), _P.WRONG_ALGORITHM),
    "md5": Case(lambda: build(algorithm=_MD5_WITH_RSA, digest=MD5()), _P.WRONG_ALGORITHM),
    "sha384": Case(lambda: build(algorithm=_SHA384_WITH_RSA, digest=SHA384()), _P.WRONG_ALGORITHM),
    "pss": Case(lambda: build(algorithm=der.sequence(_PSS), scheme=_PSS_PADDING), _P.WRONG_ALGORITHM),
    "sha1-declared-as-sha256": Case(lambda: build(digest=SHA1()), _P.BAD_SIGNATURE),
    "key-declared-for-pss": Case(
        lambda: build(spki=rsa_spki(key("leaf").public_key().public_numbers().n, algorithm=_PSS)),
        _P.WRONG_KEY_TYPE,
    ),
    "key-without-null": Case(
        lambda: build(spki=rsa_spki(key("leaf").public_key().public_numbers().n, algorithm=RSA)),
        _P.WRONG_KEY_TYPE,
    ),
    "ec-p256": Case(lambda: by_library(ec.derive_private_key(7, ec.SECP256R1())), _P.WRONG_KEY_TYPE),
    "ec-off-curve": Case(off_curve, _P.WRONG_KEY_TYPE),
    "ed25519": Case(lambda: by_library(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))), _P.WRONG_KEY_TYPE),
    "dsa": Case(lambda: by_library(dsa.generate_private_key(1024)), _P.WRONG_KEY_TYPE),
    "asks-to-be-a-ca": Case(lambda: by_library(key("leaf"), x509.BasicConstraints(ca=True, path_length=None))),
    "asks-for-names": Case(lambda: by_library(key("leaf"), _san(3))),
    "asks-for-1000-names": Case(lambda: by_library(key("leaf"), _san(1000))),
    "asks-twice": Case(
        lambda: build(
            attributes=attribute(_EXTENSION_REQUEST, der.sequence()) + attribute(_EXTENSION_REQUEST, der.sequence()),
        ),
    ),
    "challenge-password": Case(
        lambda: build(attributes=attribute(_CHALLENGE_PASSWORD, der.tlv(der.UTF8_STRING, b"secret"))),
    ),
    "attribute-64-kib": Case(
        lambda: build(attributes=attribute(_CHALLENGE_PASSWORD, der.tlv(der.UTF8_STRING, b"x" * 65536))),
        _P.TOO_LARGE,
    ),
    "prime-modulus": Case(prime_modulus, _P.WEAK_KEY, KeyWeakness.PRIME),
    "trailing-bytes": Case(lambda: build() + b"\x00", _P.TRAILING),
    "twice": Case(lambda: build() * 2, _P.SEVERAL),
    "ber-indefinite-length": Case(_indefinite, _P.BER),
    "ber-long-length": Case(_long_length, _P.TRUNCATED),
    "version-1": Case(lambda: build(version=1), _P.WRONG_VERSION),
    "version-2": Case(lambda: build(version=2), _P.WRONG_VERSION),
    "version-128": Case(lambda: build(version=128), _P.WRONG_VERSION),
    "no-attributes": Case(no_attributes, _P.NO_ATTRIBUTES),
    "attributes-unsorted": Case(
        lambda: build(
            attributes=attribute(_CHALLENGE_PASSWORD, der.tlv(der.UTF8_STRING, b"z" * 30))
            + attribute(_EXTENSION_REQUEST, der.sequence()),
        ),
        _P.ATTRIBUTES_ORDER,
    ),
    "signature-with-unused-bits": Case(unused_bits, _P.SIGNATURE_BITS),
    "signature-with-unused-octet": Case(lambda: _with_unused(build(), 8), _P.SIGNATURE_BITS),
    "pem-instead-of-der": Case(lambda: to_pem(build()), _P.PEM_IN_BASE64),
    "base64-instead-of-der": Case(lambda: base64.b64encode(build()), _P.ENCODED_TWICE),
    "two-in-pem": Case(lambda: to_pem(build()) * 2, _P.SEVERAL),
    "utf-16": Case(lambda: to_pem(build()).decode().encode("utf-16"), _P.UTF16),
    "utf-16-without-mark": Case(lambda: to_pem(build()).decode().encode("utf-16-be"), _P.UTF16),
    "a-private-key": Case(lambda: _private(NoEncryption()), _P.PRIVATE_KEY),
    "an-encrypted-private-key": Case(lambda: _private(BestAvailableEncryption(b"secret")), _P.PRIVATE_KEY),
    "a-private-key-in-pem": Case(
        lambda: b"-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n", _P.PRIVATE_KEY
    ),
    "a-public-key": Case(spki_of, _P.MALFORMED),
    "truncated": Case(lambda: build()[:-20], _P.TRUNCATED),
    "empty": Case(lambda: b"", _P.MALFORMED),
    "a-certificate": Case(_certificate, _P.CERTIFICATE),
    "subject-unsorted": Case(lambda: build(subject=_unsorted_subject()), _P.SUBJECT_ORDER),
    **{
        f"subject-printable-{number}": Case(
            lambda text=text: build(subject=der.sequence(rdn(_COMMON_NAME, text, der.PRINTABLE_STRING))),  # type: ignore[misc]  # a lambda with a default
            _P.SUBJECT_STRING,
        )
        for number, text in enumerate((b"a@b.example", b"DSI_1", b"A & B", b"*.example", b"\xe9"))
    },
    "subject-bmp-of-an-odd-length": Case(
        lambda: build(subject=der.sequence(rdn(_COMMON_NAME, b"abc", 0x1E))), _P.SUBJECT_STRING
    ),
    "subject-teletex": _subject(der.sequence(rdn(_COMMON_NAME, b"H\xf4pital", 0x14))),
    "subject-empty": _subject(der.sequence()),
    "subject-of-200-characters": _subject(der.sequence(rdn(_COMMON_NAME, b"x" * 200))),
    "subject-accents": _subject(der.sequence(rdn(_COMMON_NAME, "Hôpital de l'Été".encode()))),
    "subject-emoji": _subject(der.sequence(rdn(_COMMON_NAME, "\U0001f3e5".encode()))),
    "subject-right-to-left": _subject(der.sequence(rdn(_COMMON_NAME, "a\u202etxt.exe".encode()))),
    "subject-not-utf8": _subject(der.sequence(rdn(_COMMON_NAME, b"\xff\xfe"))),
    "subject-nul": _subject(der.sequence(rdn(_COMMON_NAME, b"a\x00b"))),
    "subject-multi-valued": _subject(
        der.sequence(
            der.set_of(
                [
                    der.sequence(_COMMON_NAME, der.tlv(der.UTF8_STRING, b"a")),
                    der.sequence(der.object_identifier("2.5.4.4"), der.tlv(der.UTF8_STRING, b"b")),
                ],
            ),
        ),
    ),
    "subject-empty-rdn": _subject(der.sequence(der.tlv(der.SET, b""))),
}
