"""The items of a lot, of either nature, by blocks: a block passes the schema, becomes values, and is freed.

So memory stays bounded whatever the lot. An item is refused by its own verdict for whatever a value of it says, also
for one that is not even of its type; only what cannot be read as a lot refuses the message.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

from lxml import etree

from registration.errors import Code, IgcError
from ws.contract.forms import Value
from ws.contract.model import Shape, elements
from ws.contract.names import contract_tag
from ws.gates import schema
from ws.gates.diagnosis import OWN_OF_ITEMS, diagnose
from ws.gates.findings import Findings, refuse_at
from ws.gates.places import local_name

_BLOCK = 500
_MAX_TEXT = 1024
_REFERENCE = contract_tag("reference")
_STAND_INS = {Value.BASE64: "", Value.INTEGER: "1", Value.BOOLEAN: "true"}


def read_items(
    request: etree._Element, lot_tag: str, item_tag: str, max_items: int
) -> tuple[etree._Element, Iterator[list[etree._Element]]]:
    """The lot inside a request, with its reference first, and its items by blocks, each checked before it comes.

    A value of an item that is not of its type is left in place, for whoever reads the item. IgcError: ERR_WS_011 for
    too many items, MessageRefusedError (ERR_WS_008 to 010) with all faults, those of items to come included.
    """
    lot, items = _split(request, lot_tag, item_tag, max_items)
    return lot, _checked_blocks(request, lot, items)


def bounded_text(text: str) -> str:
    """A value of an item, cut where it is longer than any that a rule lets pass: the rules see that it is too long."""
    return text[: _MAX_TEXT + 1]


def _split(
    request: etree._Element, lot_tag: str, item_tag: str, max_items: int
) -> tuple[etree._Element, list[etree._Element]]:
    """The lot, freed of comments, and its items; any other shape is refused, in the schema's words if it has any."""
    children = list(request.iterchildren("*"))
    if len(children) != 1 or children[0].tag != lot_tag:
        _refuse_shape(request, request)
    lot = children[0]
    for comment in list(lot.iterchildren(etree.Comment)):
        if comment.tail and not comment.tail.isspace():
            _refuse_shape(request, lot)
        lot.remove(comment)
    items = list(lot)
    if len(items) > max_items + 1:
        raise IgcError(Code.TOO_MANY_ITEMS, champ=item_tag.rpartition("}")[2], limite=max_items)
    wanted = [_REFERENCE, *[item_tag] * max(1, len(items) - 1)]
    if [item.tag for item in items] != wanted:
        _refuse_shape(request, lot)
    return lot, items[1:]


def _refuse_shape(request: etree._Element, element: etree._Element) -> NoReturn:
    found = Findings()
    diagnose(request, elements()[request.tag], found)
    found.tell()
    refuse_at(local_name(element), None, "élément inattendu, manquant ou mal placé.")


def _checked_blocks(
    request: etree._Element, lot: etree._Element, items: list[etree._Element]
) -> Iterator[list[etree._Element]]:
    """The items by blocks, each checked as the content of a lot; the first one together with what is around it."""
    block, rest = items[:_BLOCK], items[_BLOCK:]
    items.clear()
    del lot[1 + _BLOCK :]
    _check(request, lot, block, 1, rest)
    yield block
    del lot[1:]
    position = 1 + _BLOCK
    while rest:
        block, rest = rest[:_BLOCK], rest[_BLOCK:]
        lot.extend(block)
        _check(lot, lot, block, position, rest)
        yield block
        del lot[1:]
        position += _BLOCK


def _check(
    root: etree._Element,
    lot: etree._Element,
    block: Sequence[etree._Element],
    first_position: int,
    rest: Sequence[etree._Element],
) -> None:
    """Pass when the root, which is or holds the lot with this block, is valid but for values of its items.

    Of what stands behind a block that is refused, the faults are told as well: its sender shall mend it once.
    """
    if schema.accepts(root):
        return
    members = _members(lot, block[0])
    with _stood_in(block, members) as are_any:
        if are_any and schema.accepts(root):
            return
    found = Findings()
    diagnose(root, elements()[root.tag], found, first_position=first_position)
    if not found.count:
        schema.refuse_unexplained(root, first_position=first_position)
    for position, item in enumerate(rest, first_position + len(block)):
        diagnose(item, members, found, position=position)
    found.tell()


def _members(lot: etree._Element, item: etree._Element) -> Shape:
    """What the schema has in an item of this lot; the tags of both were looked at before."""
    shape = elements()[lot.tag]
    members = shape.by_tag[item.tag][1].kind if isinstance(shape, Shape) else None
    if not isinstance(members, Shape):
        raise TypeError(lot.tag)
    return members


@contextmanager
def _stood_in(block: Sequence[etree._Element], members: Shape) -> Iterator[bool]:
    """For the time of the block, values that are not of their type give way to some that are; whether any are."""
    kept: list[tuple[etree._Element, str | None]] = []
    for item in block:
        for child in item.iterchildren("*"):
            known = members.by_tag.get(child.tag)
            form = None if known is None else known[1].form
            if form is None or form.kind not in OWN_OF_ITEMS or len(child) or not form.fault_of(child.text or ""):
                continue
            kept.append((child, child.text))
            child.text = _STAND_INS[form.kind]
    try:
        yield bool(kept)
    finally:
        for child, text in kept:
            child.text = text
