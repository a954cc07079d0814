"""All that is wrong with an element that the schema refused, found by one walk over it.

libxml2 stops at the first misfit of each sequence, and its English texts repeat the caller's values: it decides, and
this says why. Each node is looked at once; what is found beyond the first few is only counted.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from lxml import etree

from registration.errors import Code
from ws.contract.forms import Form, Value
from ws.contract.model import Shape
from ws.contract.names import SECRETS, XSI_NS
from ws.gates.content import find_misfits
from ws.gates.findings import Findings, shown_value
from ws.gates.places import is_item, line_of, shown_name

_NIL = f"{{{XSI_NS}}}nil"
_TO_VALIDATORS = frozenset(
    f"{{{XSI_NS}}}{name}" for name in ("type", "nil", "schemaLocation", "noNamespaceSchemaLocation")
)
_CODES = {Value.DATE_TIME: Code.DATETIME_ZONE, Value.BASE64: Code.BASE64}

OWN_OF_ITEMS = frozenset({Value.BASE64, Value.INTEGER, Value.BOOLEAN})
"""Kinds of which an item of a lot may have a value that is none: its own verdict tells it, the message stands."""


class _Place(NamedTuple):
    """An element, what the schema has there, and where that is."""

    element: etree._Element
    kind: Value | Shape
    form: Form | None
    position: int | None
    is_secret: bool


def diagnose(
    element: etree._Element,
    kind: Value | Shape,
    found: Findings,
    *,
    position: int | None = None,
    first_position: int = 1,
) -> None:
    """Add every fault of the element to ``found``, in the order of the message.

    ``position`` is that of the item that the element is; ``first_position`` that of the first item below it.
    """
    pending = [_Place(element, kind, None, position, is_secret=False)]
    while pending:
        place = pending.pop()
        _judge_attributes(place, found)
        if isinstance(place.kind, Shape):
            _judge_sequence(place, place.kind, found)
            pending.extend(reversed(_children(place, place.kind, first_position)))
        else:
            _judge_value(place, found)


def _judge_attributes(place: _Place, found: Findings) -> None:
    """Our types have none; what a message says to its validator is passed over, but for a value that is none."""
    attributes: Any = place.element.attrib
    if not attributes:
        return
    if not _TO_VALIDATORS.issuperset(attributes):
        found.add(shown_name(place.element), "attribut non permis.", place.position, ligne=line_of(place.element))
    if _NIL in attributes:
        ligne = line_of(place.element)
        found.add(
            shown_name(place.element), "une valeur nulle (xsi:nil) n'est pas permise.", place.position, ligne=ligne
        )


def _judge_sequence(place: _Place, shape: Shape, found: Findings) -> None:
    element = place.element
    if _has_text(element):
        ligne = line_of(element)
        found.add(shown_name(element), "texte inattendu entre les éléments.", place.position, ligne=ligne)
    for misfit in find_misfits(element, shape):
        found.add(misfit.champ, misfit.reason, place.position, forme=misfit.forme, ligne=line_of(element))


def _has_text(element: etree._Element) -> bool:
    if element.text and not element.text.isspace():
        return True
    return any(child.tail and not child.tail.isspace() for child in element)


def _children(place: _Place, shape: Shape, first_position: int) -> list[_Place]:
    found: list[_Place] = []
    position = first_position
    for child in place.element.iterchildren("*"):
        known = shape.by_tag.get(child.tag)
        inside = place.position
        if inside is None and is_item(place.element, child):
            inside, position = position, position + 1
        if known is not None:
            member = known[1]
            found.append(_Place(child, member.kind, member.form, inside, place.is_secret or member.name in SECRETS))
    return found


def _judge_value(place: _Place, found: Findings) -> None:
    element, form = place.element, place.form
    champ = shown_name(element)
    if len(element):
        what = "élément" if next(element.iterchildren("*"), None) is not None else "commentaire"
        found.add(champ, f"un {what} se trouve dans une valeur.", place.position, ligne=line_of(element))
        return
    text = element.text or ""
    if form is None or (place.position is not None and form.kind in OWN_OF_ITEMS):
        return
    fault = form.fault_of(text)
    if fault is not None:
        # Of bytes nothing could be recognised in what is shown.
        is_shown = not place.is_secret and form.kind is not Value.BASE64 and not found.is_full
        found.add(
            champ,
            fault,
            place.position,
            code=_CODES.get(form.kind, Code.SCHEMA),
            valeur=shown_value(text) if is_shown else None,
            forme=form.told or None,
            ligne=line_of(element),
        )
