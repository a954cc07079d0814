"""Which member of an element is at fault when its content breaks the XSD's sequence.

A validator names the first element that it cannot place: for a missing ``emailActeur`` that is the innocent ``csr``.
"""

from __future__ import annotations

import functools
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence

import msgspec
from lxml import etree

from clients.contract.files import NAMESPACE, document, local_name, qualified

_XS = "{http://www.w3.org/2001/XMLSchema}"


class Member(msgspec.Struct, frozen=True):
    """One member of a sequence: its name and how often it comes; ``most`` is None without a limit."""

    name: str
    least: int
    most: int | None


class Misfit(msgspec.Struct, frozen=True):
    """The member at fault and what to do about it, in French."""

    champ: str
    texte: str


def find_misfit(root: etree._Element, parent: etree._Element) -> Misfit | None:
    """The gravest fault among the children: unknown, missing, too many, out of order; None when there is none.

    ``root`` is the global element of the contract that is, or holds, the parent.
    """
    members = _members(path_of(root, parent))
    places = {qualified(member.name): place for place, member in enumerate(members)}
    found: list[int] = []
    for child in parent.iterchildren("*"):
        if child.tag not in places:
            return _unknown(child, members)
        found.append(places[child.tag])
    counts = Counter(found)
    for place, member in enumerate(members):
        if counts[place] < member.least:
            return Misfit(member.name, f"il manque l'élément {member.name}.")
    for place, member in enumerate(members):
        if member.most is not None and counts[place] > member.most:
            return Misfit(member.name, f"élément présent {counts[place]} fois, {member.most} au plus.")
    misplaced = _first_misplaced(found)
    if misplaced is None:
        return None
    return Misfit(members[misplaced].name, f"élément mal placé ; ordre attendu : {_names(members)}.")


def _unknown(child: etree._Element, members: Sequence[Member]) -> Misfit:
    name = local_name(child)
    if any(member.name == name for member in members):
        return Misfit(name, f"élément d'un autre espace de noms que {NAMESPACE}.")
    return Misfit(name, f"élément inattendu à cette place ; attendu : {_names(members) or 'rien'}.")


def _names(members: Sequence[Member]) -> str:
    return ", ".join(member.name for member in members)


@functools.cache
def _members(path: tuple[str, ...]) -> tuple[Member, ...]:
    """The sequence of the element at the end of a path of names that begins at a global element; empty without one."""
    level: etree._Element | None = document().getroot()
    for name in path:
        elements = () if level is None else level.iterchildren(f"{_XS}element")
        declared = next((element for element in elements if element.get("name") == name), None)
        level = None if declared is None else _sequence(declared)
    return () if level is None else tuple(_member(element) for element in level.iterchildren(f"{_XS}element"))


def path_of(root: etree._Element, element: etree._Element) -> tuple[str, ...]:
    """The names from the global element of the contract that holds it down to an element."""
    names = [local_name(element)]
    while element is not root:
        above = element.getparent()
        if above is None:
            break
        element = above
        names.append(local_name(element))
    return tuple(reversed(names))


def _sequence(element: etree._Element) -> etree._Element | None:
    """The sequence of an element's type, inline or by name; None for a simple value."""
    name = (element.get("type") or "").removeprefix("igc:")
    if not name:
        return element.find(f"{_XS}complexType/{_XS}sequence")
    types = document().getroot().iterchildren(f"{_XS}complexType")
    return next((kind.find(f"{_XS}sequence") for kind in types if kind.get("name") == name), None)


def _member(element: etree._Element) -> Member:
    most = element.get("maxOccurs", "1")
    return Member(
        name=element.get("name", ""),
        least=int(element.get("minOccurs", "1")),
        most=None if most == "unbounded" else int(most),
    )


def _first_misplaced(places: Sequence[int]) -> int | None:
    """The first place outside of a longest row in order, so that the fewest moves are asked for."""
    ends: list[int] = []
    holders: list[int] = []
    before: list[int | None] = []
    for number, place in enumerate(places):
        length = bisect_right(ends, place)
        before.append(holders[length - 1] if length else None)
        ends[length : length + 1] = [place]
        holders[length : length + 1] = [number]
    in_order: set[int] = set()
    current = holders[-1] if holders else None
    while current is not None:
        in_order.add(current)
        current = before[current]
    return next((place for number, place in enumerate(places) if number not in in_order), None)
