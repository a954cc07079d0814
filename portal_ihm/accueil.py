"""The first page and the last one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse

from portal_ihm.context import acteur_of, portal_of
from portal_ihm.rendering import render
from registration.vocabulary import Offre

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_SHOWN = 20


def accueil(request: Request) -> Response:
    """The rooms of the portal and the perimeter of the acteur."""
    rows = portal_of(request).authority.allowed_structures(acteur_of(request))
    habilitations = [(Offre(offre), structure, raison) for offre, structure, raison in rows]
    return render(request, "accueil.html", habilitations=habilitations[:_SHOWN], more=len(habilitations[_SHOWN:]))


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
    return render(request, "deconnexion.html")
