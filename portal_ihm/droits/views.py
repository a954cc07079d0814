"""Mes droits: structures, offres and domains of the acteur, why he has them, and whom to ask for more."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.routing import Route

from portal_ihm.shell.context import acteur_of, portal_of
from portal_ihm.shell.paging import SIZES, make_paging, read_place
from portal_ihm.shell.rendering import render
from registration.vocabulary import TypeActeurInscrit

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_LONGEST = 100


def droits(request: Request) -> Response:
    """A page of the structures of the perimeter, all or those that a text names."""
    acteur = acteur_of(request)
    text = request.query_params.get("recherche", "").strip()[:_LONGEST]
    place = read_place(request.query_params)
    page = portal_of(request).authority.acteurs.perimetre(
        acteur, text or None, after=place.after or 0, limit=place.size
    )
    return render(
        request,
        "droits/droits.html",
        page=page,
        text=text,
        query=f"{urlencode({'recherche': text})}&" if text else "",
        is_person=acteur.type_acteur is TypeActeurInscrit.PERSONNE,
        paging=make_paging(place, len(page.structures), page.total, page.next_after),
        sizes=SIZES,
    )


ROUTES = [Route("/droits", droits)]
