"""The auditor's own eyes on keys: every weak one is named, no sound one is, and it agrees with what admits them."""

from __future__ import annotations

import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from gmpy2 import gcd, primorial

from audit.findings import Finding, Topic
from audit.keys.rules import check_blocked, check_keys, check_primes
from pki.errors import CsrProblem
from tests.vectors.csr_cases import CASES, PRIME, RSA, close_primes, multiple_of, roca_primes, rsa_spki
from tests.vectors.keys import DISTANCES, base, key
from tests.vectors.samples import spki

SOUND = [(label, spki(label)) for label in DISTANCES]
MODULUS = key("leaf").public_key().public_numbers().n


def point(curve: ec.EllipticCurve, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> bytes:
    return ec.derive_private_key(7, curve).public_key().public_bytes(Encoding.DER, form)


def without_small_factor(number: int) -> int:
    small = primorial(65537)
    while gcd(number, small) != 1:
        number += 2
    return number


def texts(spki: bytes, *, p256: bool = False) -> list[str]:
    named = [("objet", spki)]
    found = [*check_keys(named, p256=p256, authorities={}), *check_primes(named)]
    assert all((finding.topic, finding.subject) == (Topic.KEY, "objet") for finding in found)
    return [finding.text for finding in found]


def test_a_modulus_that_is_a_prime_is_named() -> None:
    keys = [*SOUND, ("premier", rsa_spki(PRIME)), ("aucune", b"words"), ("EC", point(ec.SECP256R1()))]
    assert [(one.subject, "nombre premier" in one.text) for one in check_primes(keys)] == [("premier", True)]


def test_no_sound_key_is_named() -> None:
    assert list(check_keys(SOUND, p256=False, authorities={})) == []


FAULTS = {
    "1024 bits": (rsa_spki(base("size-1024", 1024)), ["1024 bits"]),
    "2047 bits": (rsa_spki(MODULUS >> 1 | 1), ["2047 bits"]),
    "exponent 3": (rsa_spki(MODULUS, 3), ["exposant"]),
    "even": (rsa_spki(multiple_of(2)), ["petit facteur"]),
    "divisible by 751": (rsa_spki(multiple_of(751)), ["petit facteur"]),
    "divisible by 65521": (rsa_spki(multiple_of(65521)), ["petit facteur"]),
    "close primes": (rsa_spki(close_primes()[0] * close_primes()[1]), ["Fermat"]),
    "square": (rsa_spki(close_primes()[0] ** 2), ["Fermat"]),
    "ROCA": (rsa_spki(roca_primes()[0] * roca_primes()[1]), ["ROCA"]),
    "sixteen octets alike": (
        rsa_spki(MODULUS & ~((1 << 1128) - (1 << 1000)) | 0xAB * ((1 << 128) // 255) << 1000),
        ["répète"],
    ),
    "few ones": (rsa_spki(without_small_factor(base("few", 2048) & base("ones", 2048))), ["plus de zéros"]),
    "upper half of ones": (rsa_spki(without_small_factor((1 << 2048) - (1 << 1200) | base("low"))), ["bits égaux"]),
    "no NULL": (rsa_spki(MODULUS, algorithm=RSA), ["forme DER"]),
    "Ed25519": (
        ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
        .public_key()
        .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        ["illisible"],
    ),
    "no key": (b"not a key", ["illisible"]),
    "empty": (b"", ["illisible"]),
    "P-256 not admitted": (point(ec.SECP256R1()), ["n'admettent pas"]),
    "P-384": (point(ec.SECP384R1()), ["secp384r1"]),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_named(name: str) -> None:
    der, expected = FAULTS[name]
    found = texts(der)
    assert all(any(word in text for text in found) for word in expected), found


def test_p256_is_admitted_where_the_authority_says_so() -> None:
    assert texts(point(ec.SECP256R1()), p256=True) == []
    assert "secp384r1" in texts(point(ec.SECP384R1()), p256=True)[0]


_BY_THE_KEY = {CsrProblem.WEAK_KEY, CsrProblem.WRONG_KEY_SIZE, CsrProblem.WRONG_EXPONENT}


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.problem in _BY_THE_KEY])
def test_what_the_policy_refuses_the_auditor_finds(name: str) -> None:
    request = x509.load_der_x509_csr(CASES[name].make())
    assert texts(request.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def test_key_of_an_authority_is_named() -> None:
    found = list(check_keys(SOUND, p256=False, authorities={spki("issuing"): "ACI-EL-ORG"}))
    assert found == [Finding(Topic.KEY, "issuing", "clé de l'AC ACI-EL-ORG")]


def test_blocked_key_in_force_is_named() -> None:
    found = list(check_blocked(SOUND, {hashlib.sha256(spki("leaf-2")).digest()}))
    assert [(finding.topic, finding.subject) for finding in found] == [(Topic.KEY, "leaf-2")]


def test_keys_are_read_one_by_one() -> None:
    found = check_keys(iter([("a", b""), *SOUND, ("b", b"")]), p256=False, authorities={})
    assert [finding.subject for finding in found] == ["a", "b"]
