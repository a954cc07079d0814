"""From where somebody asks, for who counts by addresses: what a trusted proxy says, and nobody else.

Only X-Forwarded-For is read, from its end backwards: what stands before the first address that is not a trusted
proxy's was written by whoever asks. IPv6 is told by its /64, the smallest that a line is given (RFC 6177): whoever has
one would otherwise have 2^64 addresses. An IPv4 address inside IPv6 (RFC 4291 §2.5.5.2) is the IPv4 address.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Scope

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_LONGEST = 2_000
_IPV6_LINE = 64
_WITH_PORT = re.compile(r"\[([0-9a-fA-F:.]{2,45})\](?::\d{1,5})?|(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}")
NOWHERE = "inconnue"
"""Stands for an address that the connection does not have."""


class Addresses:
    """Knows which proxies are trusted, each by its address or network."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        """ValueError for what is no network."""
        self._trusted = [ipaddress.ip_network(network) for network in trusted]

    def line_of(self, scope: Scope) -> str:
        """The line from which a request comes: an IPv4 address, or the /64 of an IPv6 address."""
        client = scope.get("client")
        found = None if client is None else _read(client[0])
        if found is None:
            return NOWHERE
        for text in reversed(_forwarded(scope)):
            if not self._is_trusted(found):
                break
            before = _read(text)
            if before is None:
                break  # what cannot be read is the proxy's own fault, and counts as its own
            found = before
        return _line(found)

    def _is_trusted(self, address: _Address) -> bool:
        return any(address in network for network in self._trusted)


def _forwarded(scope: Scope) -> list[str]:
    values = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    text = b",".join(values)[-_LONGEST:].decode("latin-1")
    return [part.strip() for part in text.split(",")] if text else []


def _read(text: str) -> _Address | None:
    """An address, with or without a port; None for whatever is none."""
    with_port = _WITH_PORT.fullmatch(text)
    if with_port is not None:
        text = with_port[1] or with_port[2]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _line(address: _Address) -> str:
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.ip_network((int(address), _IPV6_LINE), strict=False))
