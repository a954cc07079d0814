"""The first page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.routing import Route

from portal_ihm.shell.context import acteur_of, portal_of
from portal_ihm.shell.rendering import render

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Administered:
    """A structure of the perimeter with the offres that the acteur administers there."""

    identifiant: str
    raison_sociale: str
    offres: list[str]


def accueil(request: Request) -> Response:
    """The rooms of the portal and the perimeter of the acteur."""
    found: dict[str, Administered] = {}
    allowed = portal_of(request).authority.acteurs.allowed_structures(acteur_of(request))
    for offre, identifiant, raison_sociale in allowed:
        found.setdefault(identifiant, Administered(identifiant, raison_sociale, [])).offres.append(offre)
    structures = sorted(found.values(), key=lambda structure: (structure.raison_sociale, structure.identifiant))
    return render(request, "accueil/accueil.html", structures=structures[:_SHOWN], more=len(structures[_SHOWN:]))


ROUTES = [
    Route("/", accueil),
]
