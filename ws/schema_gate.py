"""The published XSD as a gate, with verdicts in our own French words: the place, never the value.

libxml2's English texts repeat the caller's values, so only its error kinds, paths and expected names are used.
"""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NoReturn

from lxml import etree

from registration.errors import Code, IgcError
from ws.contract_files import SCHEMA_FILE
from ws.places import local_name, position_of, refuse_at
from ws.soap import contract_tag

_STEP = re.compile(r"([^/\[\]]+)(?:\[(\d+)\])?")
_EXPECTED = re.compile(r"Expected is (?:one of )?\( (.*) \)")
_DATE_FIELDS = ("depuis", "jusqua")
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
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


_own = _PerThread()


def check(element: etree._Element, *, first_position: int = 1) -> None:
    """Validate an element that the schema declares; IgcError (ERR_WS_008 to 010) names the first fault's place.

    ``first_position`` is the place in the lot of the first ``demande`` inside the element.
    """
    if not _own.schema.validate(element):
        errors: Any = _own.schema.error_log
        _refuse(element, next(iter(errors), None), first_position)
    for criteria in element.iterchildren(contract_tag("criteres")):
        for name in _DATE_FIELDS:
            _check_date_time(criteria.findtext(contract_tag(name)), name)


def _check_date_time(text: str | None, champ: str) -> None:
    """What XSD lets through and no calendar knows: no zone, 24:00:00, an instant beyond the years of UTC."""
    if text is None:
        return
    text = text.strip()
    try:
        valid = bool(_DATE_TIME.fullmatch(text) and datetime.fromisoformat(text).astimezone(UTC))
    except (ValueError, OverflowError):
        valid = False
    if not valid:
        refuse_at(Code.DATETIME_ZONE, champ, None)


def _refuse(root: etree._Element, error: etree._LogEntry | None, first_position: int) -> NoReturn:
    if error is None:
        raise IgcError(Code.SCHEMA, raison="message non conforme.")
    element = _locate(root, error.path or "")
    position = position_of(element)
    if position is not None:
        position += first_position - 1
    champ = local_name(element)
    if champ not in _known_names():  # a name of the caller's own
        parent = element.getparent()
        champ = local_name(root if parent is None else parent)
    if error.type_name == _DATATYPE and champ in _DATE_FIELDS:
        refuse_at(Code.DATETIME_ZONE, champ, position)
    if champ == "csr" and error.type_name in _NOT_BASE64 and (element.text or "").strip():
        refuse_at(Code.BASE64, champ, position)
    reason = _REASONS.get(error.type_name, "structure non conforme.")
    refuse_at(Code.SCHEMA, champ, position, reason + _expected(error.message))


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


def _expected(message: str) -> str:
    """The names that the schema wanted at that place; only names of the schema itself are taken from the text."""
    found = _EXPECTED.search(message)
    if found is None:
        return ""
    names = [name.rpartition("}")[2] for name in found.group(1).split(", ")]
    known = [name for name in names if name in _known_names()]
    return f" Attendu : {', '.join(known)}." if known else ""


@lru_cache(maxsize=1)
def _known_names() -> frozenset[str]:
    names = etree.parse(SCHEMA_FILE).xpath("//@name")
    return frozenset(str(name) for name in names) if isinstance(names, list) else frozenset()
