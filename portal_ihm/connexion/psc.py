"""Pro Santé Connect as addresses of the portal: there, back, and told that somebody has left (figures 19 to 25)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import structlog
from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.routing import Route

from portal_ihm.login.psc.config import PscAwayError, PscError
from portal_ihm.login.psc.flow import UNDER_WAY_SECONDS, LoggedIn, ProSanteConnect
from portal_ihm.login.sessions import cookie_token
from portal_ihm.shell.context import portal_of
from portal_ihm.shell.doors import LOGIN_COOKIE, local_path, set_cookie
from portal_ihm.shell.errors import access_page, refused_login_page
from portal_ihm.shell.origins import origin_of_address
from registration.errors import AccessError
from registration.sessions.values import Ouverture, Porte

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

log = structlog.get_logger()
# Who waits for the issuer waits in threads of its own, and never takes those that pages are made in.
waiting = CapacityLimiter(8)


def psc_of(request: Request) -> ProSanteConnect:
    """The client of this door; 404 where there is none."""
    psc = cast("ProSanteConnect | None", request.app.state.psc)
    if psc is None:
        raise HTTPException(404)
    return psc


async def begin(request: Request) -> Response:
    """Off to Pro Santé Connect."""
    psc, suite = psc_of(request), local_path(request.query_params.get("suite"))
    try:
        url, under_way = await to_thread.run_sync(psc.begin, suite, limiter=waiting)
    except PscError as error:
        return _refused(request, error, suite)
    response = RedirectResponse(url, status_code=303)
    # The answer comes from another site, with which a browser sends no strict cookie.
    response.headers.append("set-cookie", set_cookie(LOGIN_COOKIE, under_way, "lax", max_age=UNDER_WAY_SECONDS))
    return response


async def back(request: Request) -> Response:
    """Logged in, with a session that nobody knew before, or the page that says why not (figure 23)."""
    psc = psc_of(request)
    answer, cookie = dict(request.query_params), request.cookies.get(LOGIN_COOKIE)
    try:
        logged_in = await to_thread.run_sync(psc.finish, answer, cookie, limiter=waiting)
        response = await run_in_threadpool(_open, request, logged_in)
    except PscError as error:
        response = _refused(request, error, "/")
    except AccessError as error:
        response = access_page(request, error)
    response.headers.append("set-cookie", set_cookie(LOGIN_COOKIE, "", "lax", max_age=0))
    return response


async def told(request: Request) -> Response:
    """Somebody has left at Pro Santé Connect: his sessions here end too (Back-Channel Logout 1.0 §2.5, §2.8)."""
    psc = psc_of(request)
    async with request.form(max_files=0, max_fields=5, max_part_size=16 * 1024) as data:
        token = FormData(data.multi_items()).get("logout_token")
    if not isinstance(token, str):
        return _not_told("no logout token")
    try:
        fin = await to_thread.run_sync(psc.read_logout, token, limiter=waiting)
    except PscError as error:
        return _not_told(error.reason)
    ended = await run_in_threadpool(portal_of(request).authority.sessions.end_by_issuer, fin)
    if ended is None:
        return _not_told("logout token has served")
    log.info("sessions ended by the issuer", sessions=ended)
    return PlainTextResponse("", status_code=200)


def end_session(request: Request, token: str) -> str | None:
    """End the session of this token; gives where to end that of Pro Santé Connect, None where there is none."""
    portal = portal_of(request)
    opened = portal.authority.sessions.read(token, portal.door.porte) if not portal.door.asks_certificate else None
    portal.authority.sessions.end(token)
    psc = cast("ProSanteConnect | None", request.app.state.psc)
    if opened is None or opened.compte is None or psc is None:
        return None
    try:
        url = psc.log_out_url(opened.compte)
    except PscAwayError as error:
        log.warning("logout not told to the issuer", why=error.reason)
        return None
    # Browsers lead a form only where the policy of its page says (portal_ihm.app).
    return url if url is not None and urlsplit(url).netloc == urlsplit(psc.issuer).netloc else None


def _open(request: Request, logged_in: LoggedIn) -> Response:
    portal = portal_of(request)
    holder = portal.authority.acteurs.identify_subject(logged_in.compte.sujet)
    former = cookie_token(request, portal)
    if former is not None:
        portal.authority.sessions.end(former)
    opening = Ouverture(porte=Porte.CONNEXION, acteur=holder.key, compte=logged_in.compte)
    token = portal.authority.sessions.open(opening, portal.durees)
    response = RedirectResponse(logged_in.suite, status_code=303)
    response.headers.append("set-cookie", set_cookie(portal.door.cookie, token, portal.door.same_site))
    return response


def _refused(request: Request, error: PscError, suite: str) -> Response:
    is_away = isinstance(error, PscAwayError)
    return refused_login_page(request, reason=error.reason, is_away=is_away, suite=suite)


def _not_told(reason: str) -> Response:
    log.warning("logout of the issuer refused", why=reason)
    return PlainTextResponse("invalid_request\n", status_code=400)


def issuer_origin(issuer: str) -> str:
    """What the policy of our pages must name for their form of logout to lead on to the issuer."""
    return origin_of_address(issuer)


ROUTES = [
    Route("/psc/connexion", begin),
    Route("/psc/retour", back),
    Route("/psc/fin-de-session", told, methods=["POST"]),
]
