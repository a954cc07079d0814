"""Serials: the lesson of 2019 is that entropy counts after the sign bit has been dealt with."""

import pytest

from pki.certificates import der
from pki.certificates.serials import new_serial, serial_hex

COUNT = 10_000


@pytest.fixture(scope="module")
def drawn() -> list[int]:
    return [new_serial() for _ in range(COUNT)]


def test_all_are_positive_and_exactly_16_octets_in_der(drawn: list[int]) -> None:
    encoded = [der.integer(serial) for serial in drawn]
    assert {octets[:2] for octets in encoded} == {b"\x02\x10"}
    assert all(not octets[2] & 0x80 for octets in encoded)


def test_none_repeats(drawn: list[int]) -> None:
    assert len(set(drawn)) == COUNT


def test_every_bit_below_the_sign_is_random(drawn: list[int]) -> None:
    # 10 000 draws of a fair bit lie within 47 to 53 % but for one run in a thousand million.
    for bit in range(127):
        ones = sum(serial >> bit & 1 for serial in drawn)
        assert 0.47 < ones / COUNT < 0.53, bit


def test_users_see_32_lower_case_digits() -> None:
    assert serial_hex(0x49AA34C0DE5EED1E5501DEAD0BAD8FEF) == "49aa34c0de5eed1e5501dead0bad8fef"
    assert serial_hex(1 << 119) == "00800000000000000000000000000000"
