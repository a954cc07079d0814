"""The published contract as files: where they are, the XSD as a validator with the rules, and its French documentation.

The copies beside the package are used, so that a client checks its messages without asking the service first.
"""

from __future__ import annotations

import functools
import threading
from pathlib import Path

from lxml import etree

from clients.contract.rules import apply_rules

NAMESPACE = "urn:igc-exemple:lots:1.0"
TIERS = "pourLeCompteDe"
"""The header block that names the person in whose place a call is made."""
MAX_DEMANDES = 10_000
"""Limit of a lot, stated in the XSD's documentation of the type Lot."""

_ROOT = Path(__file__).resolve().parents[2]
WSDL = _ROOT / "ws" / "wsdl" / "igc-lots-1.0.wsdl"
XSD = _ROOT / "schemas" / "igc-lots-1.0.xsd"

_XS = "{http://www.w3.org/2001/XMLSchema}"
_per_thread = threading.local()


def qualified(name: str) -> str:
    """``name`` in the contract's namespace, in lxml's notation."""
    return f"{{{NAMESPACE}}}{name}"


def local_name(element: etree._Element) -> str:
    """The name of an element without its namespace."""
    return etree.QName(element).localname


def hardened_parser() -> etree.XMLParser:
    """A parser that resolves no entity, loads no DTD and opens no network connection."""
    return etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)


def schema() -> etree.XMLSchema:
    """The validator of what we send, one per thread: lxml keeps the errors of a validation in the object."""
    found: etree.XMLSchema | None = getattr(_per_thread, "schema", None)
    if found is None:
        found = etree.XMLSchema(document())
        _per_thread.schema = found
    return found


@functools.cache
def field_hint(place: tuple[str, ...]) -> str | None:
    """What the contract's own documentation says of the type of a field, on one line; None when it says nothing.

    ``place`` is the names from a global element down to the field: names such as ``etat`` have several types.
    """
    simple_type = _simple_type_at(place)
    text = None if simple_type is None else simple_type.findtext(f"{_XS}annotation/{_XS}documentation")
    return " ".join(text.split()) if text else None


@functools.cache
def limits_hint(place: tuple[str, ...]) -> str | None:
    """The bounds of a field's value or length that its documentation does not tell; None when there are none."""
    simple_type = _simple_type_at(place)
    if simple_type is None:
        return None
    facets = {local_name(node): node.get("value", "") for node in simple_type.iter() if node.get("value")}
    least, most = facets.get("minInclusive"), facets.get("maxInclusive")
    if least and most:
        return f"De {least} à {most}."
    if least:
        return f"{least} au moins."
    longest = facets.get("maxLength")
    if longest is None or longest in (field_hint(place) or ""):
        return None
    of_bytes = any(node.get("base") == "xs:base64Binary" for node in simple_type.iter(f"{_XS}restriction"))
    return f"{longest} {'octets' if of_bytes else 'caractères'} au plus."


@functools.cache
def allowed_values(place: tuple[str, ...]) -> tuple[str, ...]:
    """The values of an enumerated field, in the contract's order; empty for any other field."""
    simple_type = _simple_type_at(place)
    if simple_type is None:
        return ()
    return tuple(node.get("value", "") for node in simple_type.iter(f"{_XS}enumeration"))


@functools.cache
def document() -> etree._ElementTree:
    """The XSD with the rules of a demande in it, to be read only."""
    return apply_rules(etree.parse(str(XSD), hardened_parser()))


def _simple_type_at(place: tuple[str, ...]) -> etree._Element | None:
    """The declaration of the type of a field, followed down from its global element; None when there is none."""
    root = document().getroot()
    declared: etree._Element | None = root
    for name in place:
        if declared is None:
            return None
        # Beside the root stand global elements; below it the members of one complex type.
        members = declared.iterchildren(f"{_XS}element") if declared is root else declared.iter(f"{_XS}element")
        declared = next((_type_of(element) for element in members if element.get("name") == name), None)
    return declared if declared is not None and declared.tag == f"{_XS}simpleType" else None


def _type_of(element: etree._Element) -> etree._Element | None:
    name = element.get("type")
    if name is None:
        return element.find(f"{_XS}complexType")
    types = document().getroot().iterchildren(f"{_XS}simpleType", f"{_XS}complexType")
    return next((kind for kind in types if f"igc:{kind.get('name')}" == name), None)
