"""The published XSD as a gate: libxml2 decides, ``diagnosis`` says why in our own French words.

What libxml2 itself says is read only where nobody else can tell what is wrong, and then its kinds and paths alone: its
English texts repeat the caller's values.
"""

from __future__ import annotations

import re
import threading
from typing import Any, NoReturn

from lxml import etree

from ws.contract.files import SCHEMA_FILE
from ws.contract.model import elements
from ws.contract.names import XSI_NS
from ws.gates.diagnosis import diagnose
from ws.gates.findings import Findings, refuse_at
from ws.gates.places import local_name, position_of, shown_name

_STEP = re.compile(r"([^/\[\]]+)(?:\[(\d+)\])?")
_FOREIGN_ATTRIBUTE = (
    f"descendant-or-self::*[@*[namespace-uri() != '{XSI_NS}' or not(local-name() = 'type' or local-name() = 'nil'"
    " or local-name() = 'schemaLocation' or local-name() = 'noNamespaceSchemaLocation')]][1]"
)
_REASONS = {
    "SCHEMAV_CVC_ELT_4_2": "type (xsi:type) inconnu.",
    "SCHEMAV_CVC_ELT_4_3": "type (xsi:type) différent de celui du schéma.",
}
"""What only a validator can judge: a type that the sender names."""


class _PerThread(threading.local):
    """One schema object per thread: libxml2 keeps the last errors in it, and another caller's must never be read."""

    def __init__(self) -> None:
        self.schema = etree.XMLSchema(etree.parse(SCHEMA_FILE))
        self.foreign_attribute = etree.XPath(_FOREIGN_ATTRIBUTE)  # one thread at a time may ask it


_own = _PerThread()


def accepts(element: etree._Element) -> bool:
    """Whether an element that the schema declares is valid.

    Attributes are looked for before: the schema would name each one, which costs more than the message itself.
    """
    return not _own.foreign_attribute(element) and bool(_own.schema.validate(element))


def refuse(root: etree._Element) -> NoReturn:
    """Refuse an element that was not accepted: MessageRefusedError (ERR_WS_008 to 010) with every fault of it."""
    found = Findings()
    diagnose(root, elements()[root.tag], found)
    found.tell()
    refuse_unexplained(root)


def refuse_unexplained(root: etree._Element, *, first_position: int = 1) -> NoReturn:
    """Refuse the element that was validated last, for the first fault that libxml2 found in it.

    ``first_position`` is the place in the lot of the first item inside the element.
    """
    errors: Any = _own.schema.error_log
    error = next(iter(errors), None)
    element = root if error is None else _locate(root, error.path or "")
    position = position_of(element)
    refuse_at(
        shown_name(element),
        None if position is None else position + first_position - 1,
        _REASONS.get("" if error is None else error.type_name, "structure non conforme."),
    )


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
