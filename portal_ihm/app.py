"""The portal as one ASGI application: routes, middleware, handlers. Mutual TLS stands in front of it, not in it."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from portal_ihm.accueil import views as accueil
from portal_ihm.cles import views as cles
from portal_ihm.demander import views as demander
from portal_ihm.login.guard import Guard
from portal_ihm.login.intake import SESSION_COOKIE, Intake
from portal_ihm.renouveler import views as renouveler
from portal_ihm.retirer import views as retirer
from portal_ihm.revoquer import views as revoquer
from portal_ihm.shell import errors
from portal_ihm.shell.context import Portal
from portal_ihm.shell.headers import SecurityHeaders
from portal_ihm.shell.origins import origin_of_address
from portal_ihm.shell.rendering import STATIC_FOLDER, make_templates
from portal_ihm.shell.shares import FairShares
from portal_ihm.suivi import views as suivi
from portal_ihm.tiers import views as tiers
from registration.errors import IgcError
from runtime.clock import Clock, system_clock

if TYPE_CHECKING:
    from registration.ports import AuthorityPort

_SCREENS = (accueil, cles, demander, renouveler, retirer, revoquer, suivi, tiers)
_MIN_SECRET = 32
_SESSION_SECONDS = 1800
_MAX_BODY = 256 * 1024


def build_app(
    authority: AuthorityPort,
    *,
    session_secret: bytes,
    public_url: str,
    session_seconds: int = _SESSION_SECONDS,
    max_body: int = _MAX_BODY,
    clock: Clock = system_clock,
) -> Starlette:
    """The portal of the authority's plateforme.

    ``public_url`` is the https address that browsers see; forms from any other origin are refused. ``session_secret``
    signs the session cookie and the tokens of forms: 32 bytes at least. ValueError when either is unfit. A form left
    open for ``session_seconds`` has to be sent twice; a body above ``max_body`` bytes is refused.
    """
    if len(session_secret) < _MIN_SECRET:
        raise ValueError("session_secret: 32 bytes at least")
    origin, host = origin_of_address(public_url), urlsplit(public_url).hostname or ""
    portal = Portal(
        authority=authority,
        origin=origin,
        csrf_secret=_derive(session_secret, b"csrf"),
        offered_secret=_derive(session_secret, b"offered"),
        clock=clock,
        templates=make_templates(authority.plateforme),
        max_body=max_body,
    )
    app = Starlette(
        routes=_routes(),
        middleware=[
            Middleware(Intake),
            Middleware(SecurityHeaders, host),
            Middleware(errors.CrashPage),
            Middleware(
                SessionMiddleware,
                secret_key=_derive(session_secret, b"session").hex(),
                session_cookie=SESSION_COOKIE,
                max_age=session_seconds,
                same_site="strict",
                https_only=True,
            ),
            Middleware(Guard, portal),
            Middleware(FairShares),
        ],
        exception_handlers={
            IgcError: errors.on_refusal,
            HTTPException: errors.on_http_error,
        },
    )
    # Starlette would send whoever asks for /suivi/ to an absolute address made of the Host field.
    app.router.redirect_slashes = False
    app.state.portal = portal
    return app


def _routes() -> list[BaseRoute]:
    screens = (route for screen in _SCREENS for route in screen.ROUTES)
    return [*screens, Mount("/static", StaticFiles(directory=STATIC_FOLDER))]


def _derive(secret: bytes, purpose: bytes) -> bytes:
    return hmac.digest(secret, b"igc-portal-" + purpose, hashlib.sha256)
