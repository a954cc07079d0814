"""The published XSD as a gate, with verdicts in our own French words: the place, never the value.

libxml2's English texts repeat the caller's values, so only its error kinds, paths and expected names are used.
"""

from __future__ import annotations

import re
import threading
from typing import Any, NoReturn

from lxml import etree

from registration.errors import Code, IgcError
from ws.contract.files import SCHEMA_FILE
from ws.contract.model import Shape, Value, kind_of
from ws.contract.names import XSI_NS
from ws.gates.content import find_misfit
from ws.gates.places import local_name, position_of, refuse_at, shown_name

_STEP = re.compile(r"([^/\[\]]+)(?:\[(\d+)\])?")
_CONTENT = ("SCHEMAV_ELEMENT_CONTENT", "SCHEMAV_CVC_COMPLEX_TYPE_2_1")
_ENDS_EARLY = "Missing child element(s)"
_FOREIGN_ATTRIBUTE = (
    f"descendant-or-self::*[@*[namespace-uri() != '{XSI_NS}' or not(local-name() = 'type' or local-name() = 'nil'"
    " or local-name() = 'schemaLocation' or local-name() = 'noNamespaceSchemaLocation')]][1]"
)
_DATATYPE = "SCHEMAV_CVC_DATATYPE_VALID_1_2_1"
_NOT_BASE64 = (_DATATYPE, "SCHEMAV_CVC_MINLENGTH_VALID")  # libxml2 passes over stray characters, then counts none

_REASONS = {
    "SCHEMAV_ELEMENT_CONTENT": "élément inattendu, manquant ou mal placé.",
    "SCHEMAV_CVC_ELT_1": "élément inconnu.",
    "SCHEMAV_CVC_ELT_3_1": "une valeur nulle (xsi:nil) n'est pas permise.",
    "SCHEMAV_CVC_ELT_4_2": "type (xsi:type) inconnu.",
    "SCHEMAV_CVC_ELT_4_3": "type (xsi:type) différent de celui du schéma.",
    "SCHEMAV_CVC_COMPLEX_TYPE_2_1": "contenu inattendu.",
    "SCHEMAV_CVC_COMPLEX_TYPE_2_3": "texte inattendu entre les éléments.",
    "SCHEMAV_CVC_COMPLEX_TYPE_3_2_1": "attribut non permis.",
    "SCHEMAV_CVC_TYPE_3_1_1": "attribut non permis.",
    "SCHEMAV_CVC_TYPE_3_1_2": "un élément se trouve dans une valeur.",
    "SCHEMAV_CVC_ENUMERATION_VALID": "valeur hors de la liste permise.",
    "SCHEMAV_CVC_PATTERN_VALID": "valeur mal formée.",
    "SCHEMAV_CVC_MINLENGTH_VALID": "valeur trop courte.",
    "SCHEMAV_CVC_MAXLENGTH_VALID": "valeur trop longue.",
    "SCHEMAV_CVC_MININCLUSIVE_VALID": "valeur trop petite.",
    "SCHEMAV_CVC_MAXINCLUSIVE_VALID": "valeur trop grande.",
    _DATATYPE: "valeur d'un autre type que celui du schéma.",
}


class _PerThread(threading.local):
    """One schema object per thread: libxml2 keeps the last errors in it, and another caller's must never be read."""

    def __init__(self) -> None:
        self.schema = etree.XMLSchema(etree.parse(SCHEMA_FILE))
        self.foreign_attribute = etree.XPath(_FOREIGN_ATTRIBUTE)  # one thread at a time may ask it


_own = _PerThread()


def check(element: etree._Element, *, first_position: int = 1) -> None:
    """Validate an element that the schema declares; IgcError (ERR_WS_008 to 010) names the first fault's place.

    ``first_position`` is the place in the lot of the first ``demande`` inside the element.
    """
    _refuse_attributes(element, first_position)
    if not _own.schema.validate(element):
        errors: Any = _own.schema.error_log
        _refuse(element, next(iter(errors), None), first_position)


def _refuse_attributes(root: etree._Element, first_position: int) -> None:
    """Our types have no attribute. The schema would say so once for each, which costs more than the message itself."""
    found: Any = _own.foreign_attribute(root)
    if found:
        champ = shown_name(found[0])
        refuse_at(Code.SCHEMA, champ, _position(found[0], first_position), "attribut non permis.")


def _refuse(root: etree._Element, error: etree._LogEntry | None, first_position: int) -> NoReturn:
    if error is None:
        raise IgcError(Code.SCHEMA, raison="message non conforme.")
    element = _locate(root, error.path or "")
    if error.type_name in _CONTENT:
        _refuse_content(root, element, error, first_position)
    champ, position = shown_name(element), _position(element, first_position)
    kind = kind_of(root, element)
    if kind is Value.DATE_TIME and error.type_name == _DATATYPE:
        refuse_at(Code.DATETIME_ZONE, champ, position)
    if kind is Value.BASE64 and error.type_name in _NOT_BASE64 and (element.text or "").strip():
        refuse_at(Code.BASE64, champ, position)
    refuse_at(Code.SCHEMA, champ, position, _REASONS.get(error.type_name, "structure non conforme."))


def _refuse_content(root: etree._Element, element: etree._Element, error: etree._LogEntry, first_position: int) -> None:
    """Refuse a broken sequence of members: the parent's of the element that was not expected, else its own."""
    parent = element.getparent()
    if parent is not None and element is not root and _ENDS_EARLY not in error.message:
        refuse_shape(root, parent, first_position=first_position)
    refuse_shape(root, element, first_position=first_position)


def refuse_shape(root: etree._Element, element: etree._Element, *, first_position: int = 1) -> None:
    """Refuse the children of an element by the member at fault; return when the schema would have them so."""
    shape = kind_of(root, element)
    misfit = find_misfit(element, shape) if isinstance(shape, Shape) else None
    if misfit is not None:
        refuse_at(Code.SCHEMA, misfit.champ, _position(element, first_position), misfit.reason)


def _position(element: etree._Element, first_position: int) -> int | None:
    position = position_of(element)
    return None if position is None else position + first_position - 1


def _locate(root: etree._Element, path: str) -> etree._Element:
    """Follow libxml2's node path (``/p:a/p:b[7]`` or ``/*/*[8]``) below root, as far as it leads."""
    element = root
    for name, number in _STEP.findall(path)[1:]:
        prefix, _, local = name.rpartition(":")
        same = [
            child
            for child in element.iterchildren("*")
            if local == "*" or (local_name(child) == local and child.prefix == (prefix or None))
        ]
        wanted = int(number or 1)
        if wanted > len(same):
            break
        element = same[wanted - 1]
    return element
