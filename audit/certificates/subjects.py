"""The subject of a certificate: its attributes, their order, string types and bounds, and what they say."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping

from audit import expected
from audit.reading import asn1
from audit.reading.certificate import Attribute

# Control, format (bidirectional overrides among them), private, surrogate, unassigned; separators of lines.
_UNREADABLE = {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}
# And what its category takes for a letter, a mark or a sign, though it draws nothing: fillers, joiners, selectors.
_BLANK = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, *range(0x180B, 0x1810)}
_BLANK |= {*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}


def subject_faults(
    found: tuple[tuple[Attribute, ...], ...],
    wanted: tuple[tuple[str, ...], ...],
    values: Mapping[str, str | None] | None,
    organization_length: int,
) -> Iterator[str]:
    """What is wrong with a subject whose RDNs hold the attributes ``wanted``; ``values`` None: they are not known.

    No value is ever quoted: the reader of a finding knows the row, and need not know the person.
    """
    if [sorted(one.oid for one in rdn) for rdn in found] != [sorted(rdn) for rdn in wanted]:
        yield "sujet : les attributs ou leur ordre ne sont pas ceux du produit"
        return
    for rdn in found:
        if [one.raw for one in rdn] != sorted(one.raw for one in rdn):
            yield "sujet : un ensemble d'attributs n'est pas dans l'ordre de DER (X.690 §11.6)"
        for one in rdn:
            longest = organization_length if one.oid == expected.ORGANIZATION else expected.LONGEST[one.oid]
            for fault in _attribute_faults(one, longest, values):
                yield f"sujet : {expected.ATTRIBUTES[one.oid]} {fault}"


def _attribute_faults(one: Attribute, longest: int, values: Mapping[str, str | None] | None) -> Iterator[str]:
    wanted_tag = asn1.PRINTABLE_STRING if one.oid == expected.COUNTRY else asn1.UTF8_STRING
    if one.tag != wanted_tag:
        yield "n'est pas du type de chaîne attendu"
    try:
        text = one.value.decode("utf-8")
    except UnicodeDecodeError:
        yield "n'est pas de l'UTF-8"
        return
    if not 1 <= len(text) <= longest:
        yield f"n'a pas de 1 à {longest} caractères"
    elif text != text.strip() or not unicodedata.is_normalized("NFC", text) or _is_unreadable(text):
        yield "contient des caractères qui n'y ont pas leur place"
    elif values is not None and text != _as_written(one.oid, values[one.oid] or "", longest):
        yield "n'est pas celui de la demande"


def _is_unreadable(text: str) -> bool:
    if text.isascii():
        return not text.isprintable()
    return any(unicodedata.category(sign) in _UNREADABLE or ord(sign) in _BLANK for sign in text)


def _as_written(oid: str, value: str, longest: int) -> str:
    """The organization alone is cut, and a blank left at the cut is dropped."""
    return value[:longest].rstrip() if oid == expected.ORGANIZATION else value
