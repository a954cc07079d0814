"""The first page and the last one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse
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


def log_out(request: Request) -> Response:
    """Empty the session. Only the browser can forget the certificate: the next page says how."""
    request.session.clear()
    response = RedirectResponse("/deconnexion", status_code=303)
    response.headers["Clear-Site-Data"] = '"cookies"'
    # The browser offers the choice of the certificate again only on a new connection.
    response.headers["Connection"] = "close"
    return response


def deconnexion(request: Request) -> Response:
    """The page after leaving; shown without looking at any certificate."""
    return render(request, "login/deconnexion.html")


ROUTES = [
    Route("/", accueil),
    Route("/deconnexion", deconnexion),
    Route("/deconnexion", log_out, methods=["POST"]),
]
