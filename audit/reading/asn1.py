"""DER as the auditor reads and writes it (ITU-T X.690): strict, small, and its own."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
ENUMERATED, UTF8_STRING, PRINTABLE_STRING, IA5_STRING = 0x0A, 0x0C, 0x13, 0x16
UTC_TIME, GENERALIZED_TIME, SEQUENCE, SET = 0x17, 0x18, 0x30, 0x31

_LONG_FORM = 0x80
_MOST_LENGTH_OCTETS = 4
_HIGH_TAG = 0x1F
_SIGN = 0x80


class DerError(ValueError):
    """Bytes that are not DER, or not the structure expected; the text is French, for a finding."""


class Element(NamedTuple):
    """One element: identifier octet, content, and the whole of it as it stood."""

    tag: int
    content: bytes
    raw: bytes


def elements(data: bytes) -> list[Element]:
    """The elements that follow each other in ``data``; DerError when anything is not in the one DER form."""
    found = []
    at, size = 0, len(data)
    while at < size:
        if at + 2 > size or data[at] & _HIGH_TAG == _HIGH_TAG:
            raise DerError("un élément DER est tronqué ou d'un type inconnu")
        length, start = data[at + 1], at + 2
        if length >= _LONG_FORM:
            octets = data[start : start + (length & 0x7F)]
            start += length & 0x7F
            length = int.from_bytes(octets, "big")
            if not 1 <= len(octets) <= _MOST_LENGTH_OCTETS or octets[0] == 0 or length < _LONG_FORM:
                raise DerError("une longueur n'est pas écrite selon DER")
        end = start + length
        if end > size:
            raise DerError("un élément DER est tronqué ou d'un type inconnu")
        found.append(Element(data[at], data[start:end], data[at:end]))
        at = end
    return found


def content_of(data: bytes, tag: int) -> bytes:
    """The content of ``data``, which is one element of this tag and nothing else; DerError otherwise."""
    found = elements(data)
    if len(found) != 1 or found[0].tag != tag:
        raise DerError("une structure DER n'est pas celle attendue")
    return found[0].content


def children(element: Element, *tags: int) -> list[Element]:
    """The elements inside ``element``, which have exactly these tags; DerError otherwise."""
    found = elements(element.content)
    if tuple(child.tag for child in found) != tags:
        raise DerError("une structure DER n'est pas celle attendue")
    return found


def whole_number(content: bytes) -> int:
    """The value of an INTEGER; DerError when it has a needless octet (X.690 §8.3.2)."""
    needless = len(content) > 1 and (
        (content[0] == 0 and content[1] < _SIGN) or (content[0] == 0xFF and content[1] >= _SIGN)  # noqa: PLR2004 -- all ones
    )
    if not content or needless:
        raise DerError("un nombre n'est pas écrit selon DER")
    return int.from_bytes(content, "big", signed=True)


@lru_cache(maxsize=1024)
def dotted(content: bytes) -> str:
    """The dotted form of an OBJECT IDENTIFIER's content."""
    arcs, arc = [], 0
    for octet in content:
        arc = arc << 7 | octet & 0x7F
        if octet < _LONG_FORM:
            arcs.append(arc)
            arc = 0
    if not arcs or content[-1] >= _LONG_FORM:
        raise DerError("un identifiant d'objet n'est pas écrit selon DER")
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def encode(tag: int, *contents: bytes) -> bytes:
    """One element around ``contents``."""
    content = b"".join(contents)
    length = len(content)
    if length < _LONG_FORM:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG_FORM | len(octets))) + octets + content


def encode_oid(text: str) -> bytes:
    """An OBJECT IDENTIFIER from its dotted form."""
    first, second, *rest = map(int, text.split("."))
    content = b""
    for arc in (40 * first + second, *rest):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.insert(0, arc & 0x7F | _LONG_FORM)
        content += bytes(groups)
    return encode(OID, content)


def encode_number(value: int) -> bytes:
    """A non-negative INTEGER."""
    return encode(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))
