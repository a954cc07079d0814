"""Forms under way as links: where each goes on."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from registration.views import Brouillon
from registration.vocabulary import GenreBrouillon

_ROOMS: dict[GenreBrouillon, tuple[str, str]] = {
    GenreBrouillon.DEMANDE: ("Demande de certificat", "/demander/{brouillon}/etape-1"),
    GenreBrouillon.RENOUVELLEMENT: ("Renouvellement", "/demander/{brouillon}/etape-1"),
    GenreBrouillon.LOT: ("Lot à déposer", "/lots/depot/{ident}"),
}
"""What is not here goes on where it began: a withdrawal at its certificate, a revocation at its product."""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A form: what it will be, where it goes on, when it was changed last."""

    name: str
    address: str
    modifie_le: datetime


GENRES = tuple(_ROOMS)


def forms_of(found: Iterable[Brouillon], paths: Collection[str]) -> list[UnderWay]:
    """Those that can be gone on with, by one of the ``paths`` that there are."""
    return [
        UnderWay(_name(brouillon), _address(brouillon), brouillon.modifie_le)
        for brouillon in found
        if brouillon.genre in _ROOMS and _ROOMS[brouillon.genre][1] in paths
    ]


def _address(brouillon: Brouillon) -> str:
    pattern = _ROOMS[brouillon.genre][1]
    return f"{pattern.partition('{')[0]}{brouillon.id}{pattern.partition('}')[2]}"


def _name(brouillon: Brouillon) -> str:
    name = _ROOMS[brouillon.genre][0]
    lot = brouillon.donnees.get("lot")
    return f"{name} : {lot['reference']}" if isinstance(lot, dict) and "reference" in lot else name
