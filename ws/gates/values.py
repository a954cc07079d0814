"""Values as they are meant: whatever form of a type the schema lets through, the canonical one is read behind it.

XML Schema gives one value many forms (`` true ``, ``1``; ``+007``, ``7``; base64 cut into lines), and lets a sender
name the type (``xsi:type``). Whoever reads the text with rules of his own sees another value than the schema judged:
so the text itself is replaced, by the kind that the schema gives it, and the types are dropped.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator

from lxml import etree

from registration.errors import Code
from ws.contract.forms import SPACES, Value, read_base64, read_date_time
from ws.contract.model import XS_NS, Shape, elements
from ws.contract.names import XSI_NS
from ws.gates import schema
from ws.gates.findings import MessageRefusedError, refuse_at
from ws.gates.places import local_name, position_of

_SPACES_TO_BLANKS = str.maketrans(SPACES, " " * len(SPACES))
_XSI_TYPE = f"{{{XSI_NS}}}type"
# Types below xs:string that a sender may name instead of it, of which only these two leave white space in place.
_KEEPS = "string"
_BLANKS = "normalizedString"


def read_values(request: etree._Element) -> None:
    """Judge a request by the schema, then give every value its canonical text and drop the types that it names.

    MessageRefusedError (ERR_WS_008 to 010) with every fault and its place; a comment inside a value is refused, for two
    readers may see two values there.
    """
    leaves = list(_leaves(request))
    _trim_dates(leaves)
    if not schema.accepts(request):
        schema.refuse(request)
    try:
        for leaf, kind in leaves:
            leaf.text = canonical_text(leaf, kind)
    except MessageRefusedError:
        schema.refuse(request)  # what the schema let through may not be the only one of its kind
    drop_types(request)


def drop_types(request: etree._Element) -> None:
    """Remove what a message says to its validator (``xsi:type`` and the like) once it has been judged."""
    etree.strip_attributes(request, f"{{{XSI_NS}}}*")


def canonical_text(leaf: etree._Element, kind: Value) -> str:
    """The canonical text of a value that passed the schema; MessageRefusedError where what it let through has none."""
    if len(leaf):
        refuse_at(local_name(leaf), position_of(leaf), "un commentaire se trouve dans une valeur.")
    return _CANONICAL[kind](leaf)


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
            leaf.text = leaf.text.strip(SPACES)


def _text(leaf: etree._Element) -> str:
    """White space as the type says that the sender named; without a name, a text of ours keeps every character."""
    text = leaf.text or ""
    prefix, _, local = leaf.get(_XSI_TYPE, "").strip(SPACES).rpartition(":")
    if not local or leaf.nsmap.get(prefix or None) != XS_NS or local == _KEEPS:
        return text
    text = text.translate(_SPACES_TO_BLANKS)
    return text if local == _BLANKS else " ".join(filter(None, text.split(" ")))


def _integer(leaf: etree._Element) -> str:
    """By its digits alone: ``int`` refuses the 4 301st, which may be one of the zeros before a legal 1."""
    text = (leaf.text or "").strip(SPACES)
    digits = text.lstrip("+-").lstrip("0") or "0"
    return f"-{digits}" if text.startswith("-") and digits != "0" else digits


def _boolean(leaf: etree._Element) -> str:
    return "true" if (leaf.text or "").strip(SPACES) in ("true", "1") else "false"


def _date_time(leaf: etree._Element) -> str:
    moment = read_date_time(leaf.text or "")
    if moment is None:
        refuse_at(local_name(leaf), position_of(leaf), "date-heure impossible.", code=Code.DATETIME_ZONE)
    return moment.isoformat()


def _base64(leaf: etree._Element) -> str:
    value = read_base64(leaf.text or "")
    if value is None:
        refuse_at(local_name(leaf), position_of(leaf), "base64 mal formé.", code=Code.BASE64)
    return base64.b64encode(value).decode()


_CANONICAL: dict[Value, Callable[[etree._Element], str]] = {
    Value.TEXT: _text,
    Value.INTEGER: _integer,
    Value.BOOLEAN: _boolean,
    Value.DATE_TIME: _date_time,
    Value.BASE64: _base64,
}
