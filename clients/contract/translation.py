"""Between the contract's messages and our values: zeep objects, XML elements of a lot, fault details."""

from __future__ import annotations

import base64
import re
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from lxml import etree
from zeep.helpers import serialize_object

from clients.contract.files import NAMESPACE, local_name, qualified
from clients.contract.schema_check import InvalidMessageError, Problem
from clients.contract.values import ContractValue, DemandeCertificat, Lot
from clients.errors import (
    AccesRefuse,
    Conflit,
    ErreurTechnique,
    Faute,
    Introuvable,
    MessageRefuse,
    ServiceFault,
    UnexpectedAnswerError,
)

Value = TypeVar("Value", bound=ContractValue)

FAULTS: dict[str, type[ServiceFault]] = {
    "messageRefuse": MessageRefuse,
    "accesRefuse": AccesRefuse,
    "introuvable": Introuvable,
    "conflit": Conflit,
    "erreurTechnique": ErreurTechnique,
}

_NOT_XML = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
"""What is no Char of XML 1.0 §2.2."""
_DEMANDE_FIELDS = {field.encode_name: field.name for field in msgspec.structs.fields(DemandeCertificat)}


def to_message(value: ContractValue) -> dict[str, Any]:
    """The value as zeep takes it: contract names, absent members left out, bytes and instants untouched.

    Raises InvalidMessageError when a text has a character that XML cannot carry.
    """
    message: dict[str, Any] = _writable(msgspec.to_builtins(value, builtin_types=(bytes, datetime)))
    return message


def header_text(name: str, text: str) -> str:
    """The text of a header block. Raises InvalidMessageError when it has a character that XML cannot carry."""
    return str(_writable(text, name))


def from_message(kind: type[Value], answer: object) -> Value:
    """The answer as a value. Raises UnexpectedAnswerError when it is not what the contract promises."""
    try:
        return msgspec.convert(serialize_object(answer, dict), kind)  # type: ignore[no-untyped-call]  # zeep has no types
    except msgspec.ValidationError as error:
        raise UnexpectedAnswerError(f"La réponse du service n'a pas la forme du contrat ({kind.__name__}).") from error


def read_fault(detail: object) -> ServiceFault | None:
    """The typed error carried by a fault's detail, None when there is none in the contract's namespace."""
    # zeep gives the raw bytes instead of an element when the answer was XML without any SOAP in it.
    for child in detail.iterchildren(f"{{{NAMESPACE}}}*") if isinstance(detail, etree._Element) else ():  # noqa: SLF001 -- lxml has no public name for it
        kind = FAULTS.get(local_name(child))
        if kind is None:
            continue
        texts = {local_name(member): member.text or "" for member in child.iterchildren(f"{{{NAMESPACE}}}*")}
        error = kind(
            texts.get("code", ""),
            texts.get("texte", ""),
            position=_number(texts.get("position")),
            champ=texts.get("champ") or None,
            incident=texts.get("incident") or None,
        )
        if isinstance(error, MessageRefuse):
            error.fautes = tuple(_read_faute(faute) for faute in child.iterchildren(qualified("faute")))
            error.autres_fautes = _number(texts.get("autresFautes")) or 0
        return error
    return None


def _read_faute(element: etree._Element) -> Faute:
    texts = {local_name(member): member.text or "" for member in element.iterchildren(f"{{{NAMESPACE}}}*")}
    return Faute(
        code=texts.get("code", ""),
        champ=texts.get("champ", ""),
        texte=texts.get("texte", ""),
        position=_number(texts.get("position")),
        valeur=texts.get("valeur"),
        forme=texts.get("forme"),
    )


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def lot_element(lot: Lot) -> etree._Element:
    """The lot as the contract's global element ``lot``; facets are not checked here."""
    root = etree.Element(qualified("lot"), nsmap={None: NAMESPACE})  # type: ignore[dict-item]  # None is the default namespace
    etree.SubElement(root, qualified("reference")).text = _writable(lot.reference, "reference")
    for demande in lot.demande:
        node = etree.SubElement(root, qualified("demande"))
        for name, value in to_message(demande).items():
            for text in value if isinstance(value, list) else (value,):
                etree.SubElement(node, qualified(name)).text = (
                    base64.b64encode(text).decode("ascii") if isinstance(text, bytes) else text
                )
    return root


def read_lot_element(root: etree._Element) -> Lot:
    """The value of a ``lot`` element that is already valid under the XSD and whose base64 was checked."""
    demandes = tuple(_read_demande(node) for node in root.iterchildren(qualified("demande")))
    return Lot(reference=root.findtext(qualified("reference")) or "", demande=demandes)


def decode_base64(text: str) -> bytes:
    """Strict decoding: XML blanks are dropped, any other stray character raises ValueError."""
    return base64.b64decode("".join(text.split()), validate=True)


def _writable(value: Any, champ: str | None = None) -> Any:  # noqa: ANN401 -- any part of a message
    if isinstance(value, dict):
        return {name: _writable(member, name) for name, member in value.items()}
    if isinstance(value, tuple):
        # zeep repeats an element for a list only; a tuple would be taken for one value.
        return [_writable(item, champ) for item in value]
    if isinstance(value, str) and _NOT_XML.search(value):
        raise InvalidMessageError((Problem(texte="caractère de contrôle interdit.", champ=champ),))
    return value


def _read_demande(node: etree._Element) -> DemandeCertificat:
    members: dict[str, Any] = {}
    for child in node.iterchildren(f"{{{NAMESPACE}}}*"):
        name = _DEMANDE_FIELDS[local_name(child)]
        text = child.text or ""
        if name == "fqdn":
            members[name] = (*members.get(name, ()), text)
        else:
            members[name] = decode_base64(text) if name == "csr" else text
    return DemandeCertificat(**members)
