"""Thousands of real certification requests in seconds: RSA-2048 keys of every pair out of some dozen primes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

_EXPONENT = 65537
_MADE_KEYS = 33  # 66 primes, 2 145 pairs


class CsrPool:
    """Requests by number, always the same ones; each is made when first asked for."""

    def __init__(self) -> None:
        self._pairs: list[tuple[int, int]] = []
        self._made: list[bytes] = []

    def take(self, count: int) -> Sequence[bytes]:
        """The first ``count`` requests, DER, each of another key."""
        if not self._pairs:
            self._pairs = list(combinations(_primes(), 2))
        while len(self._made) < count:
            self._made.append(_request(*self._pairs[len(self._made)]))
        return self._made[:count]


def _primes() -> list[int]:
    found = []
    for _ in range(_MADE_KEYS):
        numbers = rsa.generate_private_key(_EXPONENT, 2048).private_numbers()
        found += [numbers.p, numbers.q]
    return found


def _request(p: int, q: int) -> bytes:
    d = pow(_EXPONENT, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(
        p=p,
        q=q,
        d=d,
        dmp1=d % (p - 1),
        dmq1=d % (q - 1),
        iqmp=pow(q, -1, p),
        public_numbers=rsa.RSAPublicNumbers(_EXPONENT, p * q),
    )
    key = numbers.private_key(unsafe_skip_rsa_key_validation=True)
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, SHA256())
    return request.public_bytes(Encoding.DER)
