"""Weak keys by arithmetic: the fast tests agree with the slow and obvious ones."""

from math import isqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pki.errors import CsrError, CsrProblem, KeyWeakness
from pki.keys import key_policy
from pki.keys.key_policy import FERMAT_ROUNDS, KeyPolicy, check_rsa_key, find_weakness, has_close_primes
from tests.vectors.csr_cases import close_primes, roca_primes
from tests.vectors.keys import DISTANCES, base, key


def naive_fermat(modulus: int, rounds: int) -> bool:
    a = isqrt(modulus - 1) + 1
    return any(isqrt((a + i) ** 2 - modulus) ** 2 == (a + i) ** 2 - modulus for i in range(rounds))


@pytest.mark.parametrize("label", DISTANCES)
def test_sound_key_has_no_weakness(label: str) -> None:
    assert find_weakness(key(label).public_key().public_numbers().n) is None


def test_weak_keys_are_found() -> None:
    p, q = close_primes()
    assert find_weakness(p * q) is KeyWeakness.CLOSE_PRIMES
    p, q = roca_primes()
    assert find_weakness(p * q) is KeyWeakness.ROCA


@pytest.mark.parametrize("prime", [3, 5, 7, 743, 751])
def test_small_factor_is_found(prime: int) -> None:
    assert find_weakness(prime * (base("cofactor", 2040) | 1)) is KeyWeakness.SMALL_FACTOR


def test_first_prime_beyond_the_limit_is_not_a_small_factor() -> None:
    # 757 times a product of two large primes that share nothing else with the table.
    assert find_weakness(757 * key("leaf").public_key().public_numbers().n) is None


def fermat_modulus(offset: int, a: int) -> int:
    """Return a modulus that Fermat's method factors exactly in its round number `offset` (from 0)."""
    low, high = 1, a
    while low < high:  # the largest b with ceil(sqrt(a*a - b*b)) + offset >= a
        middle = (low + high + 1) // 2
        if isqrt(a * a - middle * middle - 1) + 1 + offset >= a:
            low = middle
        else:
            high = middle - 1
    return a * a - low * low


@pytest.mark.parametrize(("offset", "found"), [(0, True), (1, True), (50, True), (99, True), (100, False)])
def test_fermat_goes_exactly_as_many_rounds_as_said(offset: int, found: bool) -> None:
    modulus = fermat_modulus(offset, base("fermat"))
    assert naive_fermat(modulus, offset + 1)
    assert not naive_fermat(modulus, offset)
    assert has_close_primes(modulus) is found


@settings(max_examples=60, deadline=None)
@given(st.integers(2**60, 2**70), st.integers(1, 2**37))
def test_sieve_agrees_with_the_plain_method(a: int, b: int) -> None:
    modulus = a * a - b * b
    assert has_close_primes(modulus) == naive_fermat(modulus, FERMAT_ROUNDS)


def test_roca_test_rests_on_the_published_primes() -> None:
    assert [prime for prime, _ in key_policy._ROCA_MASKS] == [
        11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157,
    ]  # fmt: skip


def test_size_is_a_setting() -> None:
    modulus = key("leaf").public_key().public_numbers().n
    check_rsa_key(modulus, 65537, b"")
    with pytest.raises(CsrError) as caught:
        check_rsa_key(modulus, 65537, b"", KeyPolicy(rsa_bits=3072))
    assert caught.value.kind is CsrProblem.WRONG_KEY_SIZE
