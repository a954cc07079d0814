"""The portal as one ASGI application for each of its doors: routes, middleware, handlers. TLS stands in front of it."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from portal_ihm.accueil import views as accueil
from portal_ihm.cles import views as cles
from portal_ihm.connexion import psc as psc_views
from portal_ihm.connexion import views as connexion
from portal_ihm.demander import views as demander
from portal_ihm.droits import views as droits
from portal_ihm.exploitation import views as exploitation_views
from portal_ihm.login.guard import Guard
from portal_ihm.login.intake import Intake
from portal_ihm.login.psc.config import PscConfig
from portal_ihm.login.psc.flow import ProSanteConnect
from portal_ihm.lots import depot as lots_depot
from portal_ihm.lots import views as lots
from portal_ihm.lots.checking import Checks
from portal_ihm.renouveler import views as renouveler
from portal_ihm.retirer import views as retirer
from portal_ihm.revoquer import views as revoquer
from portal_ihm.shell import errors
from portal_ihm.shell.context import Portal
from portal_ihm.shell.doors import Assistance, Door, Entrees
from portal_ihm.shell.headers import SecurityHeaders
from portal_ihm.shell.origins import origin_of_address
from portal_ihm.shell.rendering import STATIC_FOLDER, make_templates
from portal_ihm.shell.shares import FairShares
from portal_ihm.suivi import views as suivi
from portal_ihm.tiers import views as tiers
from registration.errors import IgcError
from registration.sessions.values import Durees, Porte
from runtime.clock import Clock, system_clock

if TYPE_CHECKING:
    from registration.exploitation.port import ExploitationPort
    from registration.lot_files import ReadLot
    from registration.ports import AuthorityPort

_SCREENS = (
    accueil,
    cles,
    connexion,
    demander,
    droits,
    exploitation_views,
    lots_depot,
    lots,
    renouveler,
    retirer,
    revoquer,
    suivi,
    tiers,
)
_MIN_SECRET = 32
_SESSION_SECONDS = 1_800
_SESSION_MAX_SECONDS = 28_800
_MAX_BODY = 256 * 1024
_MAX_LOT = 32 * 1024 * 1024


def build_app(
    authority: AuthorityPort,
    *,
    session_secret: bytes,
    public_url: str,
    porte: Porte = Porte.CERTIFICAT,
    entrees: Entrees | None = None,
    assistance: Assistance | None = None,
    psc: PscConfig | None = None,
    session_seconds: int = _SESSION_SECONDS,
    session_max_seconds: int = _SESSION_MAX_SECONDS,
    max_body: int = _MAX_BODY,
    read_lot: ReadLot | None = None,
    max_lot: int = _MAX_LOT,
    clock: Clock = system_clock,
    exploitation: ExploitationPort | None = None,
) -> Starlette:
    """The portal of the authority's plateforme, as it is behind one of its doors.

    Without ``exploitation`` its operators' room is closed to everybody.

    ``public_url`` is the https address that browsers see; forms from any other origin are refused. ``session_secret``
    signs the tokens of forms and what a browser carries to Pro Santé Connect: 32 bytes at least, the same for every
    process. ValueError when either is unfit. A session ends ``session_seconds`` after it was last used, and
    ``session_max_seconds`` after it began; a body above ``max_body`` bytes is refused. ``entrees`` are the other doors,
    to be shown; ``psc`` is used by the door CONNEXION only. ``read_lot`` reads a lot in a file, of ``max_lot`` bytes at
    the most; without it no file is taken.
    """
    if len(session_secret) < _MIN_SECRET:
        raise ValueError("session_secret: 32 bytes at least")
    origin, host = origin_of_address(public_url), urlsplit(public_url).hostname or ""
    client = None
    if psc is not None and porte is Porte.CONNEXION:
        client = ProSanteConnect(psc, origin, _derive(session_secret, b"psc"), clock)
    here = replace(entrees or Entrees(), has_psc=psc is not None, **{porte.value: origin})
    door = Door(porte=porte, origin=origin, host=host, entrees=here)
    portal = Portal(
        authority=authority,
        door=door,
        durees=Durees(inactivite=timedelta(seconds=session_seconds), au_plus=timedelta(seconds=session_max_seconds)),
        csrf_secret=_derive(session_secret, b"csrf"),
        offered_secret=_derive(session_secret, b"offered"),
        clock=clock,
        templates=make_templates(authority.plateforme, door=door, assistance=assistance),
        max_body=max_body,
        exploitation=exploitation,
        # What browsers send around a file fits in what a form may send.
        larger={lots_depot.PATH: max_lot + max_body},
        read_lot=read_lot,
    )
    app = Starlette(
        routes=_routes(door, has_psc=client is not None),
        middleware=[
            Middleware(Intake, door.cookie),
            Middleware(
                SecurityHeaders, host, form_action="" if client is None else psc_views.issuer_origin(client.issuer)
            ),
            Middleware(errors.CrashPage),
            Middleware(Guard, portal),
            Middleware(FairShares, uploads=(lots_depot.PATH,)),
        ],
        exception_handlers={
            IgcError: errors.on_refusal,
            HTTPException: errors.on_http_error,
        },
    )
    # Starlette would send whoever asks for /suivi/ to an absolute address made of the Host field.
    app.router.redirect_slashes = False
    app.state.portal = portal
    app.state.psc = client
    app.state.checks = Checks(authority)
    return app


def _routes(door: Door, *, has_psc: bool) -> list[BaseRoute]:
    screens = [route for screen in _SCREENS for route in screen.ROUTES]
    if door.asks_certificate:
        screens += connexion.OF_CERTIFICATES
    if has_psc:
        screens += connexion.OF_PSC
    return [*screens, Mount("/static", StaticFiles(directory=STATIC_FOLDER))]


def _derive(secret: bytes, purpose: bytes) -> bytes:
    return hmac.digest(secret, b"igc-portal-" + purpose, hashlib.sha256)
