"""The door of the portal: who presents the certificate, whether a form comes from our own pages, how big it is.

Every request is judged anew; nothing that a session says opens this door.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from portal_ihm.shell.bodies import bounded
from portal_ihm.shell.context import Portal, chosen_tiers
from portal_ihm.shell.errors import access_page, http_page, refusal_page
from registration.errors import AccessError, IgcError
from runtime.listening.protocol import PEER_CERTIFICATE

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from registration.values import Caller

_SAFE_METHODS = {"GET", "HEAD"}
_PUBLIC_PREFIX = "/static/"
_PUBLIC_PATHS = {"/deconnexion"}


def peer_certificate(scope: Scope) -> bytes | None:
    """The client certificate (DER) that the TLS front checked for this connection; None when none was presented."""
    return cast("bytes | None", scope.get("state", {}).get(PEER_CERTIFICATE))


class Guard:
    """ASGI middleware in front of every view: identity, origin of forms, size of bodies."""

    def __init__(self, app: ASGIApp, portal: Portal) -> None:
        """``portal`` gives the authority that identifies and the origin that forms must come from."""
        self._app = app
        self._portal = portal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a refusal, or let the request through with its acteur."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        refusal = self._refuse_form(request) or await self._refuse_acteur(request)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        await self._app(scope, bounded(receive, self._portal.max_body), send)

    def _refuse_form(self, request: Request) -> Response | None:
        if request.method in _SAFE_METHODS:
            return None
        # A client certificate accompanies every request of the browser, whoever wrote the page: besides the token
        # of the form, the browser itself must say that the form is ours.
        if request.headers.get("origin") != self._portal.origin:
            return http_page(
                request,
                403,
                text=f"Ce formulaire ne vient pas du portail. Ouvrez le portail à l'adresse {self._portal.origin} "
                "et recommencez.",
            )
        declared = request.headers.get("content-length", "0")
        if not declared.isdecimal() or int(declared[:20]) > self._portal.max_body:
            return http_page(request, 413)
        return None

    async def _refuse_acteur(self, request: Request) -> Response | None:
        # Not request.url: it is built with the Host header, which the client writes as it likes.
        path = request.scope["path"]
        if path.startswith(_PUBLIC_PREFIX) or path in _PUBLIC_PATHS:
            return None
        try:
            await run_in_threadpool(self._recognise, request)
        except AccessError as error:
            return access_page(request, error)
        except IgcError as error:  # the database does not say who it is in time
            return refusal_page(request, error)
        return None

    def _recognise(self, request: Request) -> None:
        """Who it is, for whom he acts and what the menu may offer him, asked anew for every page, at one moment."""
        acteurs = self._portal.authority.acteurs
        with self._portal.authority.view():
            holder = acteurs.identify(peer_certificate(request.scope))
            request.state.may_act_for_others = acteurs.may_act_for_others(holder.acteur)
            caller = self._acting(request, holder)
            request.state.offres = acteurs.offres(caller.acteur)
        request.state.holder = holder
        request.state.caller = caller

    def _acting(self, request: Request, holder: Caller) -> Caller:
        """The holder himself, or in the place of the third party that he has chosen."""
        chosen = chosen_tiers(request.session, holder)
        if chosen is None:
            return holder
        try:
            return self._portal.authority.acteurs.act_for(holder, chosen)
        except IgcError:
            # Nothing that was meant for the third party is done in his own name: this request is refused.
            request.session.clear()
            raise
