"""What is wrong among the children of an element, in words one can act upon: the member at fault, not its neighbour.

A validator reads from left to right and names the first element that it cannot place: for a missing ``emailActeur``
that is the innocent ``csr``. Here the whole sequence is compared with the schema's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree

from ws.contract.model import Shape
from ws.contract.names import CONTRACT_NS
from ws.gates.places import local_name, shown_name


@dataclass(frozen=True)
class Misfit:
    """The member at fault and why, in French."""

    champ: str
    reason: str


def find_misfit(element: etree._Element, shape: Shape) -> Misfit | None:
    """The gravest fault among the children: unknown, missing, too many, out of order; None when the sequence is right.

    Each child is looked at once, but for the search of the order: n log n.
    """
    places: list[int] = []
    for child in element.iterchildren("*"):
        if child.tag not in shape.by_tag:
            return _unknown(child, shape)
        places.append(shape.by_tag[child.tag][0])
    counts = Counter(places)
    for place, member in enumerate(shape.members):
        if counts[place] < member.least:
            return Misfit(member.name, "élément obligatoire absent.")
    for place, member in enumerate(shape.members):
        if member.most is not None and counts[place] > member.most:
            return Misfit(member.name, f"présent {counts[place]} fois, {member.most} au plus.")
    misplaced = _first_misplaced(places)
    if misplaced is None:
        return None
    return Misfit(shape.members[misplaced].name, f"élément mal placé. Ordre attendu : {_names(shape)}.")


def _unknown(child: etree._Element, shape: Shape) -> Misfit:
    name = local_name(child)
    if any(member.name == name for member in shape.members):
        reason = f"élément d'un autre espace de noms que {CONTRACT_NS}."
    elif shape.members:
        reason = f"élément inconnu à cette place. Attendu : {_names(shape)}."
    else:
        reason = "élément inconnu à cette place. Rien n'est attendu ici."
    return Misfit(shown_name(child), reason)


def _names(shape: Shape) -> str:
    return ", ".join(member.name for member in shape.members)


def _first_misplaced(places: Sequence[int]) -> int | None:
    """The first place outside of a longest row in order: the fewest moves mend the sequence without it."""
    ends: list[int] = []  # smallest last place of a row of each length
    holders: list[int] = []  # who ends it
    before: list[int | None] = []
    for number, place in enumerate(places):
        length = bisect_right(ends, place)
        before.append(holders[length - 1] if length else None)
        if length == len(ends):
            ends.append(place)
            holders.append(number)
        else:
            ends[length], holders[length] = place, number
    kept = set[int]()
    current = holders[-1] if holders else None
    while current is not None:
        kept.add(current)
        current = before[current]
    return next((place for number, place in enumerate(places) if number not in kept), None)
