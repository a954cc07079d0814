"""The items of a lot, of either nature, by blocks: a block passes the schema, becomes values, and is freed.

So a lot with ten thousand bad items costs no more than its first bad block, and memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

from lxml import etree

from registration.errors import Code, IgcError
from ws.contract.names import contract_tag
from ws.gates import schema
from ws.gates.places import local_name, refuse_at

_BLOCK = 500
_REFERENCE = contract_tag("reference")


def read_items(
    request: etree._Element, lot_tag: str, item_tag: str, max_items: int
) -> tuple[etree._Element, Iterator[list[etree._Element]]]:
    """The lot inside a request, with its reference first, and its items by blocks, each checked before it comes.

    IgcError: ERR_WS_011 for too many items, ERR_WS_008 to 010 with the place of the first fault.
    """
    lot, items = _split(request, lot_tag, item_tag, max_items)
    return lot, _checked_blocks(request, lot, items)


def _split(
    request: etree._Element, lot_tag: str, item_tag: str, max_items: int
) -> tuple[etree._Element, list[etree._Element]]:
    """The lot, freed of comments, and its items; any other shape is refused, in the schema's words if it has any."""
    children = list(request.iterchildren("*"))
    if len(children) != 1 or children[0].tag != lot_tag:
        _refuse_shape(request, request)
    lot = children[0]
    for comment in list(lot.iterchildren(etree.Comment)):
        tail = comment.tail
        lot.remove(comment)
        if tail and not tail.isspace():
            refuse_at(Code.SCHEMA, local_name(lot), None, "texte inattendu entre les éléments.")
    items = list(lot)
    if len(items) > max_items + 1:
        raise IgcError(Code.TOO_MANY_ITEMS, champ=item_tag.rpartition("}")[2], limite=max_items)
    wanted = [_REFERENCE, *[item_tag] * max(1, len(items) - 1)]
    if [item.tag for item in items] != wanted:
        _refuse_shape(request, lot)
    return lot, items[1:]


def _refuse_shape(request: etree._Element, element: etree._Element) -> NoReturn:
    schema.refuse_shape(request, element)
    refuse_at(Code.SCHEMA, local_name(element), None, "élément inattendu, manquant ou mal placé.")


def _checked_blocks(
    request: etree._Element, lot: etree._Element, items: list[etree._Element]
) -> Iterator[list[etree._Element]]:
    """The items by blocks, each checked as the content of a lot; the first one together with what is around it."""
    block, rest = items[:_BLOCK], items[_BLOCK:]
    items.clear()
    del lot[1 + _BLOCK :]
    schema.check(request)
    yield block
    del lot[1:]
    position = 1 + _BLOCK
    while rest:
        block, rest = rest[:_BLOCK], rest[_BLOCK:]
        lot.extend(block)
        schema.check(lot, first_position=position)
        yield block
        del lot[1:]
        position += _BLOCK
