"""Where in a message something is: names of the contract and places in a lot, for refusals one can act upon."""

from __future__ import annotations

from typing import NoReturn

from lxml import etree

from registration.errors import Code, IgcError
from ws.contract.names import contract_tag

_ITEMS = {(contract_tag("lot"), contract_tag("demande")), (contract_tag("lotRevocations"), contract_tag("revocation"))}
_SHOWN = 64
"""Characters of a name of the caller's own that a refusal repeats; the longest of ours has 17."""


def local_name(element: etree._Element) -> str:
    """The name without its namespace."""
    return etree.QName(element).localname


def shown_name(element: etree._Element) -> str:
    """The local name, cut where no name of ours is as long."""
    name = local_name(element)
    return name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…"


def position_of(element: etree._Element) -> int | None:
    """The place, from 1, of the item of a lot that is or holds the element; None outside of an item."""
    current: etree._Element | None = element
    while current is not None:
        parent = current.getparent()
        if parent is not None and (parent.tag, current.tag) in _ITEMS:
            return 1 + sum(1 for _ in current.itersiblings(current.tag, preceding=True))
        current = parent
    return None


def refuse_at(code: Code, champ: str, position: int | None, raison: str = "") -> NoReturn:
    """Raise the refusal of one field; the text of SCHEMA names the place before the reason."""
    if code is not Code.SCHEMA:
        raise IgcError(code, champ=champ, position=position)
    place = f"champ « {champ} »" if position is None else f"demande {position}, champ « {champ} »"
    raise IgcError(code, champ=champ, position=position, raison=f"{place} : {raison}")
