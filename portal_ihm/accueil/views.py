"""The first page (guide figure 69): what one may do, what waits, what ends when, what has failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from portal_ihm.accueil.actions import actions_of
from portal_ihm.accueil.under_way import GENRES, forms_of
from portal_ihm.shell.context import acteur_of, caller_of, offres_of, paths_of, portal_of
from portal_ihm.shell.rendering import render
from registration.vocabulary import Offre

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_SHOWN = 5
_OF_STRUCTURES = (Offre.PRO, Offre.ORG, Offre.SERV)


def accueil(request: Request) -> Response:
    """Only the actions that the acteur has a right for, a sentence for what is missing, and his dashboard."""
    authority, acteur, paths = portal_of(request).authority, acteur_of(request), paths_of(request)
    held = offres_of(request.scope)
    with authority.view():
        tableau = authority.tableau.read(acteur)
        lots = authority.lots.list_lots(acteur, limit=_SHOWN).lots if held else ()
        under_way = authority.brouillons.under_way(caller_of(request), GENRES, limit=_SHOWN)
    return render(
        request,
        "accueil/accueil.html",
        actions=actions_of(acteur, held, paths),
        missing=[offre for offre in _OF_STRUCTURES if offre not in held],
        tableau=tableau,
        highest=max((month.compte.nombre for month in tableau.echeances), default=0),
        lots=lots,
        under_way=forms_of(under_way, paths),
        paths=paths,
    )


ROUTES = [
    Route("/", accueil),
]
