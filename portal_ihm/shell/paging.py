"""Pages of results over the authority's cursor: where the reader is, and the two links beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from portal_ihm.shell.context import parse_numero

SIZES = (20, 50, 100)
# The trail stands in the address and again in the Referer header: both must fit in a request head of 16 KiB.
_MAX_TRAIL = 500


@dataclass(frozen=True, slots=True)
class Place:
    """A page: its size and the cursors of the pages before it, the last of which begins it.

    The authority only walks forwards; the trail is what makes « Précédent » possible without any state here.
    """

    size: int
    trail: tuple[int, ...]

    @property
    def after(self) -> int | None:
        """The cursor of this page, None for the first."""
        return self.trail[-1] if self.trail else None

    @property
    def number(self) -> int:
        """1 for the first page."""
        return len(self.trail) + 1

    def query(self, trail: tuple[int, ...]) -> str:
        """The parameters of the page that begins at the end of ``trail``."""
        size = f"taille={self.size}"
        return f"{size}&apres={','.join(map(str, trail))}" if trail else size


@dataclass(frozen=True, slots=True)
class Paging:
    """What the bar under the table says: rows ``first`` to ``last`` of ``total``; links are None at the ends."""

    total: int
    first: int
    last: int
    number: int
    pages: int
    size: int
    start: str | None
    previous: str | None
    following: str | None


def read_place(params: Mapping[str, str]) -> Place:
    """The page that a query asks for; what no link of ours could say is read as the first page."""
    size = params.get("taille", "")
    cursors = [parse_numero(cursor) for cursor in params.get("apres", "").split(",")]
    trail = tuple(cursor for cursor in cursors if cursor is not None)
    return Place(
        size=int(size) if size in {str(known) for known in SIZES} else SIZES[0],
        trail=trail if len(trail) == len(cursors) <= _MAX_TRAIL else (),
    )


def make_paging(place: Place, shown: int, total: int, next_after: int | None) -> Paging:
    """The bar for ``shown`` rows at ``place``."""
    before = len(place.trail) * place.size
    following = None
    if next_after is not None and len(place.trail) < _MAX_TRAIL:
        following = place.query((*place.trail, next_after))
    return Paging(
        total=total,
        first=before + 1 if shown else 0,
        last=before + shown,
        number=place.number,
        pages=max(place.number, -(-total // place.size)),
        size=place.size,
        start=place.query(()) if place.trail else None,
        previous=place.query(place.trail[:-1]) if place.trail else None,
        following=following,
    )
