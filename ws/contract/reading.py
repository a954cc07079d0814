"""Arguments of an operation out of its request element, by readers made once from the types of the contract.

The element has passed ``ws.gates.schema`` and every value in it is canonical (``ws.gates.values``): nothing is judged
here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from lxml import etree
from spyne import Boolean, ComplexModelBase, DateTime, Integer, Unicode

from ws.contract.names import contract_tag

Reader = Callable[[etree._Element], Any]  # noqa: SLF001 -- lxml has no other name for it

_FROM_TEXT: tuple[tuple[type[Any], Callable[[str], Any]], ...] = (
    (Unicode, str),
    (Integer, int),
    (Boolean, lambda text: text == "true"),
    (DateTime, datetime.fromisoformat),
)


def members_of(kind: type[Any]) -> Callable[[etree._Element], list[Any]]:
    """The members of a type in its order, None for one that is absent. TypeError for a type that no request has."""
    types = kind.get_flat_type_info(kind)
    readers = {contract_tag(name): (place, _reader_of(member)) for place, (name, member) in enumerate(types.items())}

    def read(element: etree._Element) -> list[Any]:
        values: list[Any] = [None] * len(readers)
        for child in element.iterchildren("*"):
            place, reader = readers[child.tag]
            values[place] = reader(child)
        return values

    return read


def _reader_of(kind: type[Any]) -> Reader:
    if issubclass(kind, ComplexModelBase):
        read, names = members_of(kind), list(kind.get_flat_type_info(kind))
        return lambda element: kind(**dict(zip(names, read(element), strict=True)))
    for base, convert in _FROM_TEXT:
        if issubclass(kind, base):
            return lambda element: convert(element.text or "")
    raise TypeError(kind)
