"""The site without login as one ASGI application, apart from the portal: no card, no session, no cookie.

What it can reach of the registration authority is one port: to prove a code, and to revoke what was proved.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from portal_ihm.sans_login import media, views
from portal_ihm.sans_login.captcha import Captchas
from portal_ihm.sans_login.guard import Guard
from portal_ihm.sans_login.sealing import Seals
from portal_ihm.sans_login.site import Site, make_turns
from portal_ihm.shell import errors
from portal_ihm.shell.headers import SecurityHeaders
from portal_ihm.shell.origins import origin_of_address
from portal_ihm.shell.rendering import STATIC_FOLDER, make_templates
from registration.errors import IgcError
from registration.rules.proved_revocation import ProvedCertificat
from registration.vocabulary import Plateforme
from runtime.clock import Clock, system_clock
from runtime.listening.addresses import Addresses

if TYPE_CHECKING:
    from registration.ports import RevocationsParCodePort

_MIN_SECRET = 32
_MAX_BODY = 16 * 1024
# The spoken captcha; whatever else the portal's policy forbids stays forbidden.
_POLICY = "media-src 'self'"


def build_site(
    par_code: RevocationsParCodePort,
    plateforme: Plateforme,
    *,
    secret: bytes,
    public_url: str,
    proxies: Iterable[str] = (),
    max_body: int = _MAX_BODY,
    clock: Clock = system_clock,
) -> Starlette:
    """The site of one plateforme.

    ``public_url`` is the https address that browsers see; forms from any other origin are refused. ``secret`` seals
    what passes from page to page and digests addresses: 32 bytes at least, the same for every process of the site.
    ``proxies`` are addresses or networks whose X-Forwarded-For is believed. ValueError when one of them is unfit.
    """
    if len(secret) < _MIN_SECRET:
        raise ValueError("secret: 32 bytes at least")
    origin = origin_of_address(public_url)
    proving, drawing, speaking = make_turns()
    site = Site(
        par_code=par_code,
        origin=origin,
        clock=clock,
        templates=make_templates(plateforme),
        captchas=Captchas(secret),
        proofs=Seals(secret, "preuve", ProvedCertificat),
        proving=proving,
        drawing=drawing,
        speaking=speaking,
    )
    app = Starlette(
        routes=_routes(),
        middleware=[
            Middleware(SecurityHeaders, urlsplit(public_url).hostname or "", _POLICY),
            Middleware(errors.CrashPage),
            Middleware(Guard, Addresses(proxies), secret=secret, origin=origin, max_body=max_body),
        ],
        exception_handlers={
            IgcError: errors.on_refusal,
            HTTPException: errors.on_http_error,
        },
    )
    # Starlette would send whoever asks for /revoquer/ to an absolute address made of the Host field.
    app.router.redirect_slashes = False
    app.state.portal = site
    return app


def _routes() -> list[Route | Mount]:
    return [
        Route("/", views.accueil),
        Route(views.FIRST, views.etape1),
        Route(views.FIRST, views.preuve, methods=["POST"]),
        Route(views.SECOND, views.step_without_form),
        Route(views.SECOND, views.confirmation, methods=["POST"]),
        Route("/captcha/image", media.picture),
        Route("/captcha/son", media.sound),
        Mount("/static", StaticFiles(directory=STATIC_FOLDER)),
    ]
