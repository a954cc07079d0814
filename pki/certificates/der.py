"""The few DER forms that this package assembles or reads itself (ITU-T X.690).

Names and extension values are encoded by `cryptography`; here stand only the frames around them, and a strict
reader for the lint. Not a general ASN.1 library.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
NULL = 0x05
OBJECT_IDENTIFIER = 0x06
ENUMERATED = 0x0A
UTF8_STRING = 0x0C
PRINTABLE_STRING = 0x13
IA5_STRING = 0x16
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18
BOOLEAN = 0x01
SEQUENCE = 0x30
SET = 0x31
CONTEXT_0 = 0xA0
CONTEXT_3 = 0xA3

_SHORT_FORM = 0x80
_FIRST_GENERALIZED_YEAR = 2050
_FIRST_UTC_YEAR = 1950


class DerError(ValueError):
    """The bytes are not strict DER."""


def tlv(tag: int, content: bytes) -> bytes:
    """Return one element: identifier octet, minimal definite length, content."""
    length = len(content)
    if length < _SHORT_FORM:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, _SHORT_FORM | len(octets))) + octets + content


def sequence(*elements: bytes) -> bytes:
    """Return a SEQUENCE of encoded elements."""
    return tlv(SEQUENCE, b"".join(elements))


def set_of(elements: Iterable[bytes]) -> bytes:
    """Return a SET OF in the order that DER wants: by encoded bytes (X.690 §11.6)."""
    return tlv(SET, b"".join(sorted(elements)))


def integer(value: int) -> bytes:
    """Return a non-negative INTEGER."""
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def octet_string(content: bytes) -> bytes:
    """Return an OCTET STRING."""
    return tlv(OCTET_STRING, content)


def bit_string(content: bytes) -> bytes:
    """Return a BIT STRING of whole octets."""
    return tlv(BIT_STRING, b"\x00" + content)


@lru_cache(maxsize=256)
def object_identifier(dotted: str) -> bytes:
    """Return an OBJECT IDENTIFIER from its dotted form."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    octets = bytearray()
    for arc in (first * 40 + second, *rest):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(arc & 0x7F | 0x80)
        octets.extend(reversed(groups))
    return tlv(OBJECT_IDENTIFIER, bytes(octets))


def time(moment: datetime) -> bytes:
    """Return a Time: UTCTime through 2049, GeneralizedTime from 2050 (RFC 5280 §4.1.2.5)."""
    utc = moment.astimezone(UTC)
    rest = f"{utc.month:02}{utc.day:02}{utc.hour:02}{utc.minute:02}{utc.second:02}Z"
    if _FIRST_UTC_YEAR <= utc.year < _FIRST_GENERALIZED_YEAR:
        return tlv(UTC_TIME, f"{utc.year % 100:02}{rest}".encode())
    return tlv(GENERALIZED_TIME, f"{utc.year:04}{rest}".encode())


def extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    """Return an Extension; DEFAULT FALSE is left out, as DER wants (RFC 5280 §4.1)."""
    flag = b"\x01\x01\xff" if critical else b""
    return sequence(object_identifier(oid), flag, octet_string(value))


# AlgorithmIdentifier of sha256WithRSAEncryption: the parameters are NULL (RFC 4055 §5).
SHA256_WITH_RSA = sequence(object_identifier("1.2.840.113549.1.1.11"), b"\x05\x00")


def read(data: bytes, offset: int, limit: int) -> tuple[int, int, int]:
    """Return (tag, start of the content, end) of the element at `offset`, which must end by `limit`.

    Refused with DerError: high tag numbers, indefinite and non-minimal lengths, elements that overrun.
    """
    if offset + 2 > limit:
        raise DerError
    tag, length = data[offset], data[offset + 1]
    start = offset + 2
    if length >= _SHORT_FORM:
        start += length & 0x7F
        octets = data[offset + 2 : start]
        length = int.from_bytes(octets, "big")
        if start > limit or length < _SHORT_FORM or octets[0] == 0:
            raise DerError
    if tag & 0x1F == 0x1F or start + length > limit:  # noqa: PLR2004 -- X.690 §8.1.2.4: high tag numbers
        raise DerError
    return tag, start, start + length


def children(data: bytes, start: int, end: int) -> list[tuple[int, int, int, int]]:
    """Return (tag, offset, start of the content, end) of every element between `start` and `end`."""
    found = []
    while start < end:
        tag, content, stop = read(data, start, end)
        found.append((tag, start, content, stop))
        start = stop
    return found


def sole(data: bytes, tag: int) -> tuple[int, int]:
    """Return (start, end) of the content when `data` is exactly one element of this tag; else DerError."""
    found, start, end = read(data, 0, len(data))
    if found != tag or end != len(data):
        raise DerError
    return start, end
