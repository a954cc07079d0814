"""Messages of the published contract as the stand-in writes and checks them."""

from __future__ import annotations

import base64
import datetime as dt
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Union

from lxml import etree

ROOT = Path(__file__).resolve().parents[4]
XSD = ROOT / "schemas" / "igc-lots-1.0.xsd"
NS = "urn:igc-exemple:lots:1.0"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"

# The stubs of lxml know no default namespace.
_DEFAULT: Any = {None: NS}

Value = Union[str, int, bytes, dt.datetime, "list[tuple[str, Value]]"]
Member = tuple[str, Value]


class FaultError(Exception):
    """A typed fault of the contract; ``place`` are the members that say where."""

    def __init__(self, kind: str, code: str, texte: str, **place: Value) -> None:
        self.kind, self.code, self.texte, self.place = kind, code, texte, place
        super().__init__(texte)


class Schema:
    """The published XSD; an XMLSchema of lxml serves one thread only."""

    def __init__(self) -> None:
        self._local = threading.local()

    def check(self, element: etree._Element) -> None:
        if not hasattr(self._local, "schema"):
            self._local.schema = etree.XMLSchema(etree.parse(str(XSD)))
        if not self._local.schema.validate(element):
            raise AssertionError(str(self._local.schema.error_log))


def text_of(element: etree._Element, name: str) -> str | None:
    """The text of a member."""
    return element.findtext(f"{{{NS}}}{name}")


def all_of(element: etree._Element, name: str) -> list[etree._Element]:
    """Every member of that name."""
    return element.findall(f"{{{NS}}}{name}")


def one_of(element: etree._Element, name: str) -> etree._Element:
    """The member of that name, which the schema requires."""
    (found,) = all_of(element, name)
    return found


def number_of(element: etree._Element, name: str) -> int:
    return int(one_of(element, name).text or "")


def refusal() -> Iterator[Member]:
    """Why an item whose serviceApplicatif is REFUS is refused."""
    yield "code", "ERR_WS_037"
    yield "texte", "Le champ « serviceApplicatif » est invalide : valeur d'essai."
    yield "champ", "serviceApplicatif"


def fill(parent: etree._Element, members: Iterable[Member]) -> None:
    for name, value in members:
        node = etree.SubElement(parent, f"{{{NS}}}{name}")
        if isinstance(value, list):
            fill(node, value)
        elif isinstance(value, bool):
            node.text = str(value).lower()
        elif isinstance(value, bytes):
            node.text = base64.b64encode(value).decode()
        elif isinstance(value, dt.datetime):
            node.text = value.isoformat()
        else:
            node.text = str(value)


def response(operation: str, members: Iterable[Member]) -> etree._Element:
    node = etree.Element(f"{{{NS}}}{operation}Response", nsmap=_DEFAULT)
    fill(node, members)
    return node


def fault_node(fault: FaultError) -> tuple[etree._Element, etree._Element]:
    """A SOAP 1.1 fault, and the element of the contract in its detail."""
    node = etree.Element(f"{{{SOAP}}}Fault")
    etree.SubElement(node, "faultcode").text = "soap:Server"
    etree.SubElement(node, "faultstring").text = f"{fault.code} : {fault.texte}"
    detail = etree.SubElement(etree.SubElement(node, "detail"), f"{{{NS}}}{fault.kind}", nsmap=_DEFAULT)
    fill(
        detail,
        [
            ("code", fault.code),
            ("texte", fault.texte),
            ("repetable", fault.kind == "erreurTechnique"),
            *fault.place.items(),
        ],
    )
    return node, detail


def envelope(body: etree._Element) -> etree._Element:
    root = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP})
    etree.SubElement(root, f"{{{SOAP}}}Body").append(body)
    return root


def body_of(message: bytes) -> etree._Element:
    """The one child of the Body of a SOAP 1.1 message."""
    body = etree.fromstring(message).find(f"{{{SOAP}}}Body")
    assert body is not None
    return body[0]
