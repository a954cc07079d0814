"""Where in a message something is: names of the contract and places in a lot, for refusals one can act upon."""

from __future__ import annotations

from typing import Any

from lxml import etree

from ws.contract.names import contract_tag

_ITEMS = {(contract_tag("lot"), contract_tag("demande")), (contract_tag("lotRevocations"), contract_tag("revocation"))}
_SHOWN = 64
"""Characters of a name of the caller's own that a refusal repeats; the longest of ours has 19."""


def local_name(element: etree._Element) -> str:
    """The name without its namespace."""
    return etree.QName(element).localname


def shown_name(element: etree._Element) -> str:
    """The local name, cut where no name of ours is as long."""
    name = local_name(element)
    return name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…"


def line_of(element: etree._Element) -> int | None:
    """The line of the message on which its tag ends, None for an element that no parser has read."""
    line: Any = element.sourceline
    return line if isinstance(line, int) else None


def is_item(parent: etree._Element, element: etree._Element) -> bool:
    """Whether the element is an item of the lot that the parent is."""
    return (parent.tag, element.tag) in _ITEMS


def position_of(element: etree._Element) -> int | None:
    """The place, from 1, of the item of a lot that is or holds the element; None outside of an item."""
    current: etree._Element | None = element
    while current is not None:
        parent = current.getparent()
        if parent is not None and is_item(parent, current):
            return 1 + sum(1 for _ in current.itersiblings(current.tag, preceding=True))
        current = parent
    return None
