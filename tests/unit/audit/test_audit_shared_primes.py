"""Shared primes among all keys: found across blocks, named without giving a factor away."""

from __future__ import annotations

from math import gcd, prod

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from gmpy2 import mpz
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.findings import Topic
from audit.keys import shared_primes
from audit.keys.shared_primes import check_shared_primes
from tests.vectors.csr_cases import rsa_spki
from tests.vectors.keys import DISTANCES, prime
from tests.vectors.samples import spki

SOUND = [(label, spki(label)) for label in DISTANCES]
CURVE = ec.derive_private_key(7, ec.SECP256R1()).public_key()


def named(name: str, p: str, q: str) -> tuple[str, bytes]:
    return name, rsa_spki(prime(p) * prime(q))


def test_sound_keys_share_nothing() -> None:
    on_a_curve = ("courbe", CURVE.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    assert list(check_shared_primes([*SOUND, on_a_curve, on_a_curve, ("illisible", b""), *SOUND])) == []


@pytest.mark.parametrize("keys", [[], SOUND[:1]])
def test_few_keys_share_nothing(keys: list[tuple[str, bytes]]) -> None:
    assert list(check_shared_primes(keys)) == []


def test_each_key_names_another_that_it_breaks_and_no_factor() -> None:
    weak = [named("A", "leaf-p", "leaf-q"), named("B", "leaf-p", "leaf-2-q"), named("C", "root-p", "issuing-q")]
    found = {finding.subject: finding.text for finding in check_shared_primes([*weak[:2], *SOUND, weak[2]])}
    # A is also the key "leaf": the first name counts. B and C have each prime in another key.
    assert found.keys() == {"A", "B", "C", "leaf-2", "root", "issuing"}
    assert "celle de B" in found["A"]
    assert "celle de C" in found["root"]
    numbers = [prime(name) for name in ("leaf-p", "leaf-2-q", "root-p", "issuing-q")]
    assert not any(str(number)[:40] in text for number in numbers for text in found.values())


def test_a_prime_in_many_keys() -> None:
    weak = [named(f"clé {rank}", "leaf-p", other) for rank, other in enumerate(("root-p", "root-q", "issuing-p"))]
    found = list(check_shared_primes(weak))
    assert [(finding.topic, finding.subject) for finding in found] == [(Topic.KEY, name) for name, _ in weak]
    assert [finding.text[-5:] for finding in found] == ["clé 1", "clé 0", "clé 0"]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(numbers=st.lists(st.integers(2, 10**6), max_size=30, unique=True), block=st.integers(1, 9))
def test_agrees_with_the_product_of_all_others(numbers: list[int], block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_primes, "_BLOCK", block)
    expected = {
        number: common
        for rank, number in enumerate(numbers)
        if (common := gcd(number, prod(numbers[:rank] + numbers[rank + 1 :]))) != 1
    }
    assert dict(shared_primes._common_factors([mpz(number) for number in numbers])) == expected
