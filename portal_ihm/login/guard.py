"""The door of the portal: who comes in, whether a form comes from our own pages, how big it is.

Every request is judged anew. Where a client certificate is asked for, it alone says who it is, and nothing that a
session says opens the door; at the door of Pro Santé Connect a session does, by the claims that were verified when it
was opened. Rights are asked for at each request, of either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse

from portal_ihm.login.sessions import Held, bind, find, is_to_keep, keep
from portal_ihm.shell.bodies import bounded
from portal_ihm.shell.context import Portal, chosen_tiers
from portal_ihm.shell.errors import access_page, http_page, refusal_page, session_over_page
from registration.errors import AccessError, Code, IgcError
from runtime.listening.protocol import PEER_CERTIFICATE

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from registration.values import Caller

_SAFE_METHODS = {"GET", "HEAD"}
_PUBLIC_PREFIX = "/static/"
PUBLIC_PATHS = frozenset(
    {"/connexion", "/deconnexion", "/poste", "/psc/connexion", "/psc/retour", "/psc/fin-de-session", "/taille"}
)  # fmt: skip
"""What is shown without looking at who asks."""
WORKSTATION_TRY = "/poste/verification"
"""Where it is tried whether a workstation presents a certificate."""
BACK_CHANNEL = "/psc/fin-de-session"
"""Where Pro Santé Connect itself sends a form; what it sends is signed, and it is no browser."""


def peer_certificate(scope: Scope) -> bytes | None:
    """The client certificate (DER) that the TLS front checked for this connection; None when none was presented."""
    return cast("bytes | None", scope.get("state", {}).get(PEER_CERTIFICATE))


class Guard:
    """ASGI middleware in front of every view: identity, session, origin of forms, size of bodies."""

    def __init__(self, app: ASGIApp, portal: Portal) -> None:
        """``portal`` gives the authority that identifies and the origin that forms must come from."""
        self._app = app
        self._portal = portal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a refusal, or let the request through with its acteur."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        held = Held()
        scope["session"] = held.data
        request = Request(scope, receive)

        async def send_kept(message: Message) -> None:
            if message["type"] == "http.response.start" and is_to_keep(self._portal, held):
                cookie = await run_in_threadpool(keep, self._portal, held)
                if cookie is not None:
                    MutableHeaders(scope=message).append("set-cookie", cookie)
            await send(message)

        refusal = self._refuse_form(request) or await self._refuse_acteur(request, held)
        if refusal is not None:
            await refusal(scope, receive, send_kept)
            return
        await self._app(scope, bounded(receive, self._portal.limit_of(scope["path"])), send_kept)

    def _refuse_form(self, request: Request) -> Response | None:
        if request.method in _SAFE_METHODS:
            return None
        # A client certificate accompanies every request of the browser, whoever wrote the page: besides the token
        # of the form, the browser itself must say that the form is ours.
        is_ours = request.headers.get("origin") == self._portal.origin
        if not is_ours and request.scope["path"] != BACK_CHANNEL:
            return http_page(
                request,
                403,
                text=f"Ce formulaire ne vient pas du portail. Ouvrez le portail à l'adresse {self._portal.origin} "
                "et recommencez.",
            )
        declared = request.headers.get("content-length", "0")
        if not declared.isdecimal() or int(declared[:20]) > self._portal.limit_of(request.scope["path"]):
            return http_page(request, 413)
        return None

    async def _refuse_acteur(self, request: Request, held: Held) -> Response | None:
        # Not request.url: it is built with the Host header, which the client writes as it likes.
        path = request.scope["path"]
        if path.startswith(_PUBLIC_PREFIX) or path in PUBLIC_PATHS:
            return None
        try:
            is_somebody = await run_in_threadpool(self._recognise, request, held)
        except AccessError as error:
            return access_page(request, error)
        except IgcError as error:  # the database does not say who it is in time
            return refusal_page(request, error)
        return None if is_somebody else self._ask_to_log_in(request)

    def _ask_to_log_in(self, request: Request) -> Response:
        if request.method not in _SAFE_METHODS:
            return session_over_page(request)
        query = request.scope.get("query_string", b"").decode("latin-1")
        here = request.scope["path"] + (f"?{query}" if query else "")
        return RedirectResponse(f"/connexion?suite={quote(here, safe='/')}", status_code=303)

    def _recognise(self, request: Request, held: Held) -> bool:
        """Who it is, for whom he acts and what the menu may offer him, asked anew for every page, at one moment."""
        acteurs = self._portal.authority.acteurs
        with self._portal.authority.view():
            holder = self._holder(request, held)
            if holder is None:
                return False
            bind(held, holder.key)
            request.state.may_act_for_others = acteurs.may_act_for_others(holder.acteur)
            caller = self._acting(request, holder)
            request.state.offres = acteurs.offres(caller.acteur)
            exploitation = self._portal.exploitation
            request.state.is_operateur = exploitation is not None and exploitation.may_operate(caller)
        request.state.holder = holder
        request.state.caller = caller
        return True

    def _holder(self, request: Request, held: Held) -> Caller | None:
        """By his certificate, or by the session of his account; None where one has still to log in."""
        acteurs = self._portal.authority.acteurs
        if self._portal.door.asks_certificate:
            certificate = peer_certificate(request.scope)
            if certificate is None:
                is_a_try = request.scope["path"] == WORKSTATION_TRY
                raise AccessError(Code.WORKSTATION_UNFIT if is_a_try else Code.LOGIN_FAILED)
            holder = acteurs.identify(certificate)
            find(request, self._portal, held, certificate)
            return holder
        find(request, self._portal, held, None)
        if held.opened is None or held.opened.compte is None:
            return None
        return acteurs.identify_subject(held.opened.compte.sujet)

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
