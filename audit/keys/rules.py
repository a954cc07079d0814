"""Public keys that should not have been certified, each judged by itself; by badkeys, not by what admitted them.

Every function takes (name of the object, DER SubjectPublicKeyInfo) and reads it once. What takes many keys to see is
elsewhere: shared_primes.py, known_keys.py. Of badkeys only arithmetic on the numbers is used: its own block list would
be looked for in the account's home folder, and end the process where there is none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Iterator, Mapping

from badkeys.checks import checkrsa
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from gmpy2 import is_prime, mpz

from audit.findings import Finding, Topic

NamedKey = tuple[str, bytes]
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

_BITS, _EXPONENT = 2048, 65537
_WEAKNESSES = {
    "smallfactors": "le module a un petit facteur premier (65537 au plus)",
    "fermat": "les deux facteurs premiers sont si proches que la méthode de Fermat les trouve",
    "roca": "le module porte l'empreinte ROCA (CVE-2017-15361)",
    "sharedprimes": "le module a un facteur premier d'une clé cassée et publiée",
    "rsapoly": "le module a bien plus de zéros que le hasard n'en donne, ce qui permet parfois de le factoriser",
    "rsabias": "le module a bien trop de bits égaux pour être dû au hasard",
    "pattern": "le module répète le même octet, ce qui n'est pas dû au hasard",
}
_CHECKS = tuple(_WEAKNESSES)


def check_keys(keys: Iterable[NamedKey], *, p256: bool, authorities: Mapping[bytes, str]) -> Iterator[Finding]:
    """Every key that is not of the admitted form, is easy to factor, or is an authority's.

    Admitted: RSA of 2048 bits with exponent 65537, and EC on P-256 where ``p256`` says so, in canonical DER.
    ``authorities`` names the authorities by the DER SubjectPublicKeyInfo of each of their keys.
    """
    for subject, spki in keys:
        for text in _faults(spki, p256=p256):
            yield Finding(Topic.KEY, subject, text)
        if spki in authorities:
            yield Finding(Topic.KEY, subject, f"clé de l'AC {authorities[spki]}")


def check_primes(keys: Iterable[NamedKey]) -> Iterator[Finding]:
    """Every RSA key whose modulus is itself a prime: who sees it has the private key. Three milliseconds a key."""
    for subject, spki in keys:
        key = read_key(spki)
        if isinstance(key, rsa.RSAPublicKey) and is_prime(mpz(key.public_numbers().n)):
            yield Finding(
                Topic.KEY, subject, "le module est lui-même un nombre premier : n'importe qui en déduit la clé privée"
            )


def check_blocked(keys: Iterable[NamedKey], blocked: Container[bytes]) -> Iterator[Finding]:
    """Every key that is blocked, by the SHA-256 of its SubjectPublicKeyInfo.

    To be asked for what is in force only: a revoked certificate may well have a blocked key.
    """
    for subject, spki in keys:
        if hashlib.sha256(spki).digest() in blocked:
            yield Finding(Topic.KEY, subject, "clé interdite, et pourtant en vigueur")


def read_key(spki: bytes) -> PublicKey | None:
    """The RSA or EC key of these bytes, None when they hold no such key."""
    try:
        key = load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, PublicKey) else None


def _faults(spki: bytes, *, p256: bool) -> Iterator[str]:
    key = read_key(spki)
    if key is None:
        yield "clé publique illisible ou d'un type inconnu"
        return
    if key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != spki:
        yield "clé publique écrite sous une autre forme que la forme DER usuelle"
    if isinstance(key, rsa.RSAPublicKey):
        yield from _rsa_faults(key.public_numbers())
    elif not isinstance(key.curve, ec.SECP256R1):
        yield f"clé EC sur une courbe non admise ({key.curve.name})"
    elif not p256:
        yield "clé EC, que les réglages de l'AC émettrice n'admettent pas"


def _rsa_faults(numbers: rsa.RSAPublicNumbers) -> Iterator[str]:
    if numbers.n.bit_length() != _BITS:
        yield f"le module RSA a {numbers.n.bit_length()} bits au lieu de {_BITS}"
    if numbers.e != _EXPONENT:
        yield f"l'exposant public n'est pas {_EXPONENT}"
    for weakness in checkrsa(numbers.n, e=numbers.e, checks=_CHECKS):
        yield _WEAKNESSES[weakness]
