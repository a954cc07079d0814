"""Certificate requests for the measures, made once per machine and kept (public parts only).

Making 2048-bit keys of two primes would cost more than everything that is measured. These have eight primes of 256 bits
(RFC 8017 §3.1 allows any number): nobody can tell from outside, and a key takes a fifth of the time.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from math import prod
from pathlib import Path

import gmpy2
import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from rich.console import Console
from rich.progress import Progress

_CHUNK = 50
_SAVE_EVERY = 2_000
_EXPONENT, _BYTES = 65537, 256
_PRIMES, _PRIME_BITS = 8, 256
# DigestInfo of SHA-256 (RFC 8017 §9.2, note 1).
_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


class Stock:
    """Requests, each given out once: a key is certified once on a plateforme."""

    def __init__(self, csrs: list[bytes]) -> None:
        """All are there to take."""
        self._left: Iterator[bytes] = iter(csrs)

    def take(self, count: int) -> list[bytes]:
        """The next ones; LookupError when there are not so many."""
        taken = [csr for _, csr in zip(range(count), self._left, strict=False)]
        if len(taken) < count:
            raise LookupError("no requests left")
        return taken


def load_csrs(path: Path, count: int, console: Console) -> list[bytes]:
    """``count`` requests in DER; what is missing in ``path`` is made by every core and saved as it comes."""
    known: list[bytes] = msgspec.msgpack.decode(path.read_bytes(), type=list[bytes]) if path.exists() else []
    missing = count - len(known)
    if missing > 0:
        with Progress(console=console) as progress, ProcessPoolExecutor(os.cpu_count()) as pool:
            task = progress.add_task("clés RSA-2048 (une fois pour toutes)", total=missing)
            for made in pool.map(_make, [min(_CHUNK, missing - start) for start in range(0, missing, _CHUNK)]):
                known.extend(made)
                progress.advance(task, len(made))
                if len(known) % _SAVE_EVERY == 0:
                    _save(path, known)
        _save(path, known)
    return known[:count]


@dataclass(frozen=True, slots=True)
class _Key:
    primes: tuple[int, ...]

    @property
    def modulus(self) -> int:
        return prod(self.primes)

    def sign(self, message: bytes) -> bytes:
        """PKCS#1 v1.5 with SHA-256, prime by prime (RFC 8017 §5.1.2)."""
        info = _DIGEST_INFO + sha256(message).digest()
        padded = int.from_bytes(b"\0\1" + b"\xff" * (_BYTES - 3 - len(info)) + b"\0" + info, "big")
        modulus, total = self.modulus, 0
        for prime in self.primes:
            part = gmpy2.powmod(padded, gmpy2.invert(_EXPONENT, prime - 1), prime)
            rest = modulus // prime
            total += part * rest * gmpy2.invert(rest, prime)
        return int(total % modulus).to_bytes(_BYTES, "big")


def _make(count: int) -> list[bytes]:
    """Requests that differ from one of the library in modulus and signature alone."""
    template = rsa.generate_private_key(public_exponent=_EXPONENT, key_size=8 * _BYTES)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bench")])
    csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(template, hashes.SHA256())
    modulus = template.public_key().public_numbers().n.to_bytes(_BYTES, "big")
    head, _, _ = csr.public_bytes(Encoding.DER).rpartition(csr.signature)
    made = []
    for _ in range(count):
        key = _key()
        ours = key.modulus.to_bytes(_BYTES, "big")
        made.append(head.replace(modulus, ours) + key.sign(csr.tbs_certrequest_bytes.replace(modulus, ours)))
    return made


def _key() -> _Key:
    while True:
        key = _Key(tuple(_prime() for _ in range(_PRIMES)))
        if key.modulus.bit_length() == 8 * _BYTES:
            return key


def _prime() -> int:
    """A random prime below, and near enough to, 2**256 for eight of them to make 2048 bits mostly."""
    while True:
        prime = int(gmpy2.next_prime(secrets.randbits(_PRIME_BITS) | 15 << (_PRIME_BITS - 4)))
        if prime.bit_length() == _PRIME_BITS and prime % _EXPONENT != 1:
            return prime


def _save(path: Path, csrs: list[bytes]) -> None:
    temporary = path.with_suffix(".new")
    temporary.write_bytes(msgspec.msgpack.encode(csrs))
    temporary.replace(path)
