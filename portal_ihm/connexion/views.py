"""Choosing a door, checking the workstation, leaving (guide §5, figures 5, 13, 16, 18, 25); the size of the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anyio import to_thread
from starlette.responses import RedirectResponse
from starlette.routing import Route

from portal_ihm.connexion import psc
from portal_ihm.login.guard import WORKSTATION_TRY
from portal_ihm.login.sessions import cookie_token
from portal_ihm.shell.context import portal_of
from portal_ihm.shell.doors import SIZE_COOKIE, SIZES, local_path, set_cookie
from portal_ihm.shell.rendering import render

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_A_YEAR = 365 * 86_400


def choix(request: Request) -> Response:
    """The ways in (figure 13), each leading on to the page that was asked for."""
    suite = local_path(request.query_params.get("suite"))
    return render(request, "connexion/choix.html", suite=suite)


def poste(request: Request) -> Response:
    """What a workstation needs for a card, and where to try it."""
    return render(request, "connexion/poste.html")


def verification(request: Request) -> Response:
    """That this workstation is ready: whoever asks has presented a certificate that opens this door.

    The guard has told the others ERR_IHM_001, or what is the matter with their certificate.
    """
    return render(request, "connexion/verification.html")


async def log_out(request: Request) -> Response:
    """End the session here, and that of Pro Santé Connect. Only the browser can forget a certificate."""
    portal = portal_of(request)
    token = cookie_token(request, portal)
    target: str | None = None
    if token is not None:
        limiter = None if portal.door.asks_certificate else psc.waiting
        target = await to_thread.run_sync(psc.end_session, request, token, limiter=limiter)
    response = RedirectResponse(target or "/deconnexion", status_code=303)
    response.headers.append("set-cookie", set_cookie(portal.door.cookie, "", portal.door.same_site, max_age=0))
    # The browser offers the choice of the certificate again only on a new connection.
    response.headers["Connection"] = "close"
    return response


def deconnexion(request: Request) -> Response:
    """The page after leaving; shown without looking at any certificate."""
    return render(request, "login/deconnexion.html")


async def taille(request: Request) -> Response:
    """Keep the size of the text in the browser, and lead back to the page where it was chosen."""
    async with request.form(max_files=0, max_fields=5, max_part_size=4096) as data:
        chosen, back = data.get("taille"), data.get("retour")
    response = RedirectResponse(local_path(back if isinstance(back, str) else None), status_code=303)
    if isinstance(chosen, str) and chosen in SIZES:
        response.headers.append("set-cookie", set_cookie(SIZE_COOKIE, chosen, "lax", max_age=_A_YEAR))
    return response


ROUTES = [
    Route("/connexion", choix),
    Route("/poste", poste),
    Route("/deconnexion", deconnexion),
    Route("/deconnexion", log_out, methods=["POST"]),
    Route("/taille", taille, methods=["POST"]),
]
OF_CERTIFICATES = [Route(WORKSTATION_TRY, verification)]
"""Only where a certificate is asked for."""
OF_PSC = psc.ROUTES
"""Only where Pro Santé Connect leads to."""
