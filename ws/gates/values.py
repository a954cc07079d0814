"""Values as they are meant: whatever form of a type the schema lets through, the canonical one is read behind it.

XML Schema gives one value many forms (`` true ``, ``1``; ``+007``, ``7``; base64 cut into lines), and lets a sender
name the type (``xsi:type``). Whoever reads the text with rules of his own sees another value than the schema judged:
so the text itself is replaced, by the kind that the schema gives it, and the types are dropped.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from lxml import etree

from registration.errors import Code
from ws.contract.model import XS_NS, Shape, Value, elements
from ws.contract.names import XSI_NS
from ws.gates import schema
from ws.gates.places import local_name, position_of, refuse_at

_SPACES = " \t\r\n"
_SPACES_TO_BLANKS = str.maketrans(_SPACES, " " * len(_SPACES))
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_XSI_TYPE = f"{{{XSI_NS}}}type"
# Types below xs:string that a sender may name instead of it, of which only these two leave white space in place.
_KEEPS = "string"
_BLANKS = "normalizedString"


def read_values(request: etree._Element) -> None:
    """Judge a request by the schema, then give every value its canonical text and drop the types that it names.

    IgcError: ERR_WS_008 to 010, each with its place; a comment inside a value is refused, for two readers may see two
    values there.
    """
    leaves = list(_leaves(request))
    _trim_dates(leaves)
    schema.check(request)
    for leaf, kind in leaves:
        leaf.text = canonical_text(leaf, kind)
    drop_types(request)


def drop_types(request: etree._Element) -> None:
    """Remove what a message says to its validator (``xsi:type`` and the like) once it has been judged."""
    etree.strip_attributes(request, f"{{{XSI_NS}}}*")


def canonical_text(leaf: etree._Element, kind: Value) -> str:
    """The canonical text of a value that passed the schema; IgcError where the schema lets through what has none."""
    if len(leaf):
        refuse_at(Code.SCHEMA, local_name(leaf), position_of(leaf), "un commentaire se trouve dans une valeur.")
    return _CANONICAL[kind](leaf)


def decode_base64(text: str, champ: str, position: int | None) -> bytes:
    """Strict base64: libxml2, like Python by default, would pass over stray characters and shorten the value."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:  # binascii.Error is a ValueError, and so is text that is not ASCII
        compact = "".join(text.split()) if text.isascii() else text
    try:
        return binascii.a2b_base64(compact, strict_mode=True)
    except ValueError:
        refuse_at(Code.BASE64, champ, position)


def _leaves(request: etree._Element) -> Iterator[tuple[etree._Element, Value]]:
    """Every simple value at a place that the schema knows, with its kind."""
    pending = [(request, elements()[request.tag])]
    while pending:
        element, kind = pending.pop()
        if isinstance(kind, Shape):
            pending.extend(
                (child, kind.by_tag[child.tag][1].kind)
                for child in element.iterchildren("*")
                if child.tag in kind.by_tag
            )
        else:
            yield element, kind


def _trim_dates(leaves: Iterable[tuple[etree._Element, Value]]) -> None:
    """White space around a dateTime is legal (XML Schema part 2 §4.3.6) and libxml2 refuses it."""
    for leaf, kind in leaves:
        if kind is Value.DATE_TIME and leaf.text and not len(leaf):
            leaf.text = leaf.text.strip(_SPACES)


def _text(leaf: etree._Element) -> str:
    """White space as the type says that the sender named; without a name, a text of ours keeps every character."""
    text = leaf.text or ""
    prefix, _, local = leaf.get(_XSI_TYPE, "").strip(_SPACES).rpartition(":")
    if not local or leaf.nsmap.get(prefix or None) != XS_NS or local == _KEEPS:
        return text
    text = text.translate(_SPACES_TO_BLANKS)
    return text if local == _BLANKS else " ".join(filter(None, text.split(" ")))


def _integer(leaf: etree._Element) -> str:
    """By its digits alone: ``int`` refuses the 4 301st, which may be one of the zeros before a legal 1."""
    text = (leaf.text or "").strip(_SPACES)
    digits = text.lstrip("+-").lstrip("0") or "0"
    return f"-{digits}" if text.startswith("-") and digits != "0" else digits


def _boolean(leaf: etree._Element) -> str:
    return "true" if (leaf.text or "").strip(_SPACES) in ("true", "1") else "false"


def _date_time(leaf: etree._Element) -> str:
    """ERR_WS_010 for what the schema lets through and no calendar knows: no zone, 24:00:00, an instant beyond UTC."""
    text = leaf.text or ""
    try:
        if _DATE_TIME.fullmatch(text):
            moment = datetime.fromisoformat(text)
            moment.astimezone(UTC)  # OverflowError beyond the years of UTC
            return moment.isoformat()
    except (ValueError, OverflowError):
        return refuse_at(Code.DATETIME_ZONE, local_name(leaf), position_of(leaf))
    return refuse_at(Code.DATETIME_ZONE, local_name(leaf), position_of(leaf))


def _base64(leaf: etree._Element) -> str:
    return base64.b64encode(decode_base64(leaf.text or "", local_name(leaf), position_of(leaf))).decode()


_CANONICAL: dict[Value, Callable[[etree._Element], str]] = {
    Value.TEXT: _text,
    Value.INTEGER: _integer,
    Value.BOOLEAN: _boolean,
    Value.DATE_TIME: _date_time,
    Value.BASE64: _base64,
}
