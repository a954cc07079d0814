"""Thousands of real certification requests in seconds: RSA-2048 keys of sixteen primes each, none of them in common.

Two large primes would take some hundred times as long to find, and keys that share them are refused as weak.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from math import lcm, prod

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from gmpy2 import next_prime

_EXPONENT = 65537
_PRIME_BITS = 128
_PRIMES_A_HALF = 8
# Sixteen numbers above this make at least 2047 bits and one.
_LOWEST = 97 * (1 << _PRIME_BITS) // 100


class CsrPool:
    """Requests by number, always the same ones; each is made when first asked for."""

    def __init__(self) -> None:
        self._made: list[bytes] = []

    def take(self, count: int) -> Sequence[bytes]:
        """The first ``count`` requests, DER, each of another key."""
        while len(self._made) < count:
            self._made.append(_request(_primes(), _primes()))
        return self._made[:count]


def _primes() -> list[int]:
    found: list[int] = []
    while len(found) < _PRIMES_A_HALF:
        prime = int(next_prime(_LOWEST + secrets.randbelow((1 << _PRIME_BITS) - _LOWEST)))
        if prime % _EXPONENT != 1 and prime.bit_length() == _PRIME_BITS:
            found.append(prime)
    return found


def _request(left: Sequence[int], right: Sequence[int]) -> bytes:
    """Each half of the key is a product of primes, whose order is the least common multiple of their orders."""
    p, q = prod(left), prod(right)
    p_order, q_order = (lcm(*(prime - 1 for prime in half)) for half in (left, right))
    d = pow(_EXPONENT, -1, lcm(p_order, q_order))
    numbers = rsa.RSAPrivateNumbers(
        p=p,
        q=q,
        d=d,
        dmp1=d % p_order,
        dmq1=d % q_order,
        iqmp=pow(q, -1, p),
        public_numbers=rsa.RSAPublicNumbers(_EXPONENT, p * q),
    )
    key = numbers.private_key(unsafe_skip_rsa_key_validation=True)
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, SHA256())
    return request.public_bytes(Encoding.DER)
