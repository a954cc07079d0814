"""What is wrong among the children of an element, in words one can act upon: the members at fault, no neighbours.

A validator reads from left to right and names the first element that it cannot place: for a missing ``emailActeur``
that is the innocent ``csr``. Here the whole sequence is compared with the schema's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lxml import etree

from ws.contract.model import Shape
from ws.contract.names import CONTRACT_NS
from ws.gates.places import local_name, shown_name


class Misfit(NamedTuple):
    """A member at fault, why, and the order that is expected where that helps; in French."""

    champ: str
    reason: str
    forme: str | None = None


def find_misfits(element: etree._Element, shape: Shape) -> Iterator[Misfit]:
    """Every fault among the children, the gravest first: unknown, missing, too many, out of order.

    Each child is looked at once, but for the search of the order: n log n.
    """
    places: list[int] = []
    for child in element.iterchildren("*"):
        known = shape.by_tag.get(child.tag)
        if known is None:
            yield _unknown(child, shape)
        else:
            places.append(known[0])
    counts = Counter(places)
    for place, member in enumerate(shape.members):
        if counts[place] < member.least:
            yield Misfit(member.name, "élément obligatoire absent.")
    for place, member in enumerate(shape.members):
        if member.most is not None and counts[place] > member.most:
            yield Misfit(member.name, f"présent {counts[place]} fois, {member.most} au plus.")
    misplaced = _first_misplaced(places)
    if misplaced is not None:
        yield Misfit(shape.members[misplaced].name, "élément mal placé.", _order(shape))


def _unknown(child: etree._Element, shape: Shape) -> Misfit:
    name = local_name(child)
    if any(member.name == name for member in shape.members):
        return Misfit(shown_name(child), f"élément d'un autre espace de noms que {CONTRACT_NS}.")
    if shape.members:
        return Misfit(shown_name(child), "élément inconnu à cette place.", _order(shape))
    return Misfit(shown_name(child), "élément inconnu à cette place. Rien n'est attendu ici.")


def _order(shape: Shape) -> str:
    return f"éléments attendus dans cet ordre : {', '.join(member.name for member in shape.members)}"


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
