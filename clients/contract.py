"""The published contract as files: where they are, the XSD as a validator, and its French documentation.

The copies beside the package are used, so that a client checks its messages without asking the service first.
"""

from __future__ import annotations

import functools
import threading
from pathlib import Path

from lxml import etree

NAMESPACE = "urn:igc-exemple:lots:1.0"
MAX_DEMANDES = 10_000
"""Limit of a lot, stated in the XSD's documentation of the type Lot."""

_ROOT = Path(__file__).resolve().parent.parent
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
    """The contract's validator, one per thread: lxml keeps the errors of a validation in the object."""
    found: etree.XMLSchema | None = getattr(_per_thread, "schema", None)
    if found is None:
        found = etree.XMLSchema(etree.parse(str(XSD), hardened_parser()))
        _per_thread.schema = found
    return found


@functools.cache
def field_hint(champ: str) -> str | None:
    """What the contract's own documentation says of the type of a field, on one line; None when it says nothing."""
    simple_type = _simple_type_of(champ)
    text = None if simple_type is None else simple_type.findtext(f"{_XS}annotation/{_XS}documentation")
    return " ".join(text.split()) if text else None


@functools.cache
def allowed_values(champ: str) -> tuple[str, ...]:
    """The values of an enumerated field, in the contract's order; empty for any other field."""
    simple_type = _simple_type_of(champ)
    if simple_type is None:
        return ()
    return tuple(node.get("value", "") for node in simple_type.iter(f"{_XS}enumeration"))


@functools.cache
def _document() -> etree._ElementTree:
    return etree.parse(str(XSD), hardened_parser())


def _simple_type_of(champ: str) -> etree._Element | None:
    root = _document().getroot()
    for element in root.iter(f"{_XS}element"):
        if element.get("name") == champ and (element.get("type") or "").startswith("igc:"):
            type_name = (element.get("type") or "").removeprefix("igc:")
            for candidate in root.iterchildren(f"{_XS}simpleType"):
                if candidate.get("name") == type_name:
                    return candidate
    return None
