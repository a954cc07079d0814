"""From where somebody asks: a trusted proxy's word from its end, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.listening.addresses import NOWHERE, Addresses

PROXIES = ("192.0.2.10", "2001:db8:ff::/48")


def line(peer: str | None, *forwarded: str, trusted: tuple[str, ...] = PROXIES) -> str:
    headers = [(b"x-forwarded-for", one.encode("latin-1")) for one in forwarded]
    scope: dict[str, Any] = {"client": None if peer is None else (peer, 1234), "headers": headers}
    return Addresses(trusted).line_of(scope)


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("198.51.100.1", (), "198.51.100.1"),
        ("198.51.100.1", ("203.0.113.5",), "198.51.100.1"),  # no proxy: not believed
        ("192.0.2.10", ("203.0.113.5",), "203.0.113.5"),
        ("192.0.2.10", ("1.2.3.4, 203.0.113.5",), "203.0.113.5"),  # the first was written by who asks
        ("192.0.2.10", ("203.0.113.5, 2001:db8:ff::1",), "203.0.113.5"),  # two proxies in a row
        ("192.0.2.10", ("1.2.3.4", "203.0.113.5"), "203.0.113.5"),  # two fields are one list
        ("192.0.2.10", ("203.0.113.5:4711",), "203.0.113.5"),
        ("192.0.2.10", ("[2001:db8:1:2::9]:4711",), "2001:db8:1:2::/64"),
        ("192.0.2.10", ("evil",), "192.0.2.10"),
        ("192.0.2.10", ("1.2.3.4, evil",), "192.0.2.10"),
        ("192.0.2.10", ("",), "192.0.2.10"),
        ("192.0.2.10", (), "192.0.2.10"),
        ("192.0.2.10", ("192.0.2.10",), "192.0.2.10"),
        ("192.0.2.10", ("9" * 5000,), "192.0.2.10"),
        ("192.0.2.10", ("\xe9, 203.0.113.5",), "203.0.113.5"),
        ("::ffff:192.0.2.10", ("203.0.113.5",), "203.0.113.5"),
        ("::ffff:198.51.100.1", (), "198.51.100.1"),
        ("2001:db8:1:2:3:4:5:6", (), "2001:db8:1:2::/64"),
        ("fe80::1%eth0", (), "fe80::/64"),
        (None, ("203.0.113.5",), NOWHERE),
        ("", (), NOWHERE),
    ],
)
def test_the_line_is_that_of_who_asks(peer: str | None, forwarded: tuple[str, ...], found: str) -> None:
    assert line(peer, *forwarded) == found


def test_without_proxies_nobody_is_believed() -> None:
    assert line("192.0.2.10", "203.0.113.5", trusted=()) == "192.0.2.10"


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError):
        Addresses(["mandataire"])
