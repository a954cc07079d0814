"""The names under which somebody may know one of our issuing authorities."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

from cryptography.x509.oid import NameOID

from pki.authority import Authority
from pki.certificates.serials import serial_hex

_SEPARATORS = re.compile(r"[\s:.\-\u00a0\u2011]+")
_HEXADECIMAL = re.compile(r"[0-9a-f]{1,40}")
_MAX_SERIAL_BITS = 159  # 20 octets, positive (RFC 5280 §4.1.2.2)


def issuer_key(name: str) -> str:
    """The form in which names of authorities are compared: no case, one blank between words."""
    return " ".join(name.split()).casefold()


def issuer_names(authorities: Mapping[str, Authority]) -> dict[str, tuple[str, ...]]:
    """By ``issuer_key`` of each name, the short names of the issuing authorities meant by it.

    The names are the short one, the CN, and the whole subject as RFC 4514 writes it, in either order. Two authorities
    of one name, with a key each, are both meant.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for short_name, authority in authorities.items():
        if not authority.products:
            continue
        subject = authority.certificate.subject
        written = subject.rfc4514_string()
        reversed_ = ",".join(rdn.rfc4514_string() for rdn in subject.rdns)
        common = [str(each.value) for each in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        for name in {issuer_key(name) for name in (short_name, *common, written, reversed_)}:
            found[name].append(short_name)
    return {name: tuple(sorted(shorts)) for name, shorts in found.items()}


def read_serial(text: str) -> str | None:
    """The serial as it is stored (``serial_hex``), from hexadecimal as viewers of certificates show it.

    Any case, leading zeros, ``0x``, blanks, colons, points or hyphens between digits. None when it is no serial.
    """
    digits = _SEPARATORS.sub("", text).lower().removeprefix("0x")
    if not _HEXADECIMAL.fullmatch(digits.lstrip("0")):
        return None
    value = int(digits, 16)
    return serial_hex(value) if value < 1 << _MAX_SERIAL_BITS else None
