"""Moduli that share a prime are found wherever they stand; nothing crafted makes a sound key look weak."""

from math import gcd

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pki.errors import KeyWeakness
from pki.keys.key_policy import find_weakness
from pki.keys.shared_primes import find_shared_primes
from tests.vectors.keys import DISTANCES, base, key, prime

SOUND = [key(label).public_key().public_numbers().n for label in DISTANCES]
VICTIM = SOUND[0]


def modulus(p: str, q: str) -> int:
    """The modulus of two primes of the test keys, such as "leaf-p"."""
    return prime(p) * prime(q)


def naive(numbers: list[int]) -> set[int]:
    different = set(numbers)
    return {one for one in different if any(gcd(one, other) != 1 for other in different - {one})}


def test_sound_keys_share_nothing() -> None:
    assert find_shared_primes(SOUND) == set()


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_keys_share_nothing(count: int) -> None:
    assert find_shared_primes(SOUND[:count]) == set()


def test_two_keys_with_one_prime_in_common_are_both_found_and_no_other_is() -> None:
    pair = {modulus("leaf-p", "leaf-q"), modulus("leaf-p", "leaf-2-q")}
    others = {modulus("root-p", "root-q"), modulus("issuing-p", "issuing-q")}
    assert find_shared_primes([*pair, *others]) == pair


def test_key_with_each_prime_in_another_key_is_found_with_both() -> None:
    chain = [modulus("leaf-p", "leaf-q"), modulus("leaf-q", "leaf-2-p"), modulus("leaf-2-p", "leaf-2-q")]
    assert find_shared_primes([*chain, modulus("root-p", "root-q")]) == set(chain)


def test_same_modulus_twice_is_not_a_shared_prime() -> None:
    assert find_shared_primes([VICTIM, VICTIM, SOUND[1]]) == set()
    pair = [modulus("leaf-p", "leaf-q"), modulus("leaf-p", "leaf-2-q")]
    assert find_shared_primes([*pair, *pair]) == set(pair)


def test_every_place_in_every_shape_of_the_tree() -> None:
    primes = [number for number in range(101, 1000) if all(number % low for low in range(2, 32))]
    for count in range(2, 18):
        for left in range(count):
            for right in range(left + 1, count):
                numbers = [primes[2 * rank] * primes[2 * rank + 1] for rank in range(count)]
                numbers[left] = 7 * primes[2 * left]
                numbers[right] = 7 * primes[2 * right]
                assert find_shared_primes(numbers) == {numbers[left], numbers[right]}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(2, 10**6), max_size=40))
def test_agrees_with_the_gcd_of_every_pair(numbers: list[int]) -> None:
    assert find_shared_primes(numbers) == naive(numbers)


# --- What somebody could craft against a key that is not his ---


def test_moduli_close_to_a_sound_one_do_not_touch_it() -> None:
    crafted = [VICTIM + 2 * step for step in range(1, 40)] + [VICTIM ^ 1 << bit for bit in range(1, 2047, 97)]
    assert VICTIM not in find_shared_primes([VICTIM, *crafted])


def test_common_factor_that_is_no_prime_only_joins_those_who_made_it() -> None:
    composite = (2**521 - 1) * (2**127 - 1)
    crafted = [composite * base(f"cofactor-{rank}", 2048 - composite.bit_length()) for rank in range(3)]
    assert find_shared_primes([VICTIM, *crafted, SOUND[1]]) == set(crafted)


def test_multiple_of_a_sound_modulus_has_another_size_and_never_comes_so_far() -> None:
    assert (2 * VICTIM).bit_length() > 2048
    assert VICTIM in find_shared_primes([VICTIM, 3 * VICTIM])
    assert find_weakness(3 * VICTIM) is KeyWeakness.SMALL_FACTOR


def test_product_of_many_crafted_moduli_brings_no_factor_that_none_of_them_has() -> None:
    # Shares of the victim's digits, sums and differences with other moduli: all the products an attacker can make.
    crafted = [abs(VICTIM - other) | 1 for other in SOUND[1:]] + [base(f"crafted-{rank}", 2048) for rank in range(40)]
    assert VICTIM not in find_shared_primes([VICTIM, *crafted])
