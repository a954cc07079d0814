"""A CRL as its bytes say (RFC 5280 §5): strict enough that a fault of its form is a fault found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from audit.reading import asn1
from audit.reading.asn1 import DerError, Element
from audit.reading.certificate import Extension, bit_string, moment, read_extension

NUMBER, DELTA, REASON, ISSUING_POINT = "2.5.29.20", "2.5.29.27", "2.5.29.21", "2.5.29.28"
_VERSION_2 = b"\x01"
_EXPLICIT_0 = 0xA0


@dataclass(frozen=True, slots=True)
class RevokedList:
    """A full list or a delta. ``entries``: the date and the reason of each serial, reason 0 when none is written.

    ``base`` is the number of the list that a delta starts from, None for a full list. ``faults`` says in French what
    in the form breaks RFC 5280 without making the list unreadable.
    """

    signed: bytes
    signature: bytes
    algorithms: tuple[bytes, bytes]
    issuer: bytes
    this_update: datetime
    next_update: datetime
    number: int
    base: int | None
    extensions: tuple[Extension, ...]
    entries: dict[int, tuple[datetime, int]]
    faults: tuple[str, ...]


def read_list(der: bytes) -> RevokedList:
    """Read a version 2 CRL with nextUpdate; DerError names in French what keeps it from being one."""
    outer = Element(asn1.SEQUENCE, asn1.content_of(der, asn1.SEQUENCE), der)
    tbs, algorithm, signature = asn1.children(outer, asn1.SEQUENCE, asn1.SEQUENCE, asn1.BIT_STRING)
    fields = asn1.elements(tbs.content)
    revoked = fields.pop(5) if len(fields) > 5 and fields[5].tag == asn1.SEQUENCE else None  # noqa: PLR2004 -- after nextUpdate
    tags = [field.tag for field in fields]
    expected = [asn1.INTEGER, asn1.SEQUENCE, asn1.SEQUENCE, None, None, _EXPLICIT_0]
    if len(tags) != len(expected) or any(want not in (None, tag) for want, tag in zip(expected, tags, strict=True)):
        raise DerError("ce n'est pas une CRL de version 2 avec nextUpdate et extensions")
    version, inner, issuer, this_update, next_update, extensions = fields
    if version.content != _VERSION_2:
        raise DerError("ce n'est pas une CRL de version 2 avec nextUpdate et extensions")
    (listed,) = asn1.children(extensions, asn1.SEQUENCE)
    found = tuple(read_extension(one.raw) for one in asn1.elements(listed.content))
    entries, faults = _read_entries(revoked)
    base = _number(found, DELTA)
    number = _number(found, NUMBER)
    if number is None:
        raise DerError("la CRL n'a pas de numéro")
    return RevokedList(
        signed=tbs.raw,
        signature=bit_string(signature),
        algorithms=(inner.raw, algorithm.raw),
        issuer=issuer.raw,
        this_update=moment(this_update.tag, this_update.content),
        next_update=moment(next_update.tag, next_update.content),
        number=number,
        base=base,
        extensions=found,
        entries=entries,
        faults=tuple(faults),
    )


def _number(found: tuple[Extension, ...], oid: str) -> int | None:
    for one in found:
        if one.oid == oid:
            return asn1.whole_number(asn1.content_of(one.value, asn1.INTEGER))
    return None


def _read_entries(revoked: Element | None) -> tuple[dict[int, tuple[datetime, int]], list[str]]:
    if revoked is None:
        return {}, []
    if not revoked.content:
        return {}, ["une liste vide est écrite (RFC 5280 §5.1.2.6 la veut absente)"]
    entries: dict[int, tuple[datetime, int]] = {}
    faults = set()
    for one in asn1.elements(revoked.content):
        serial, date, *extensions = asn1.elements(one.content)
        reason = _reason(extensions[0].content) if extensions else 0
        if extensions and not reason:
            faults.add("une raison « unspecified » est écrite (RFC 5280 §5.3.1 la veut absente)")
        number = asn1.whole_number(serial.content)
        if number in entries:
            faults.add(f"la série {number:032x} est là deux fois")
        entries[number] = moment(date.tag, date.content), reason
    return entries, sorted(faults)


def _reason(extensions: bytes) -> int:
    for one in asn1.elements(extensions):
        extension = read_extension(one.raw)
        if extension.oid == REASON and not extension.critical:
            return int.from_bytes(asn1.content_of(extension.value, asn1.ENUMERATED), "big")
    raise DerError("une entrée de la CRL porte une extension inattendue")
