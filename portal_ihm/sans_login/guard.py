"""The door of the site: from which line somebody asks, whether a form is ours, how much is read of what he sends."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from starlette.requests import Request

from portal_ihm.sans_login.site import LINE
from portal_ihm.shell.bodies import bounded
from portal_ihm.shell.errors import http_page
from runtime.listening.addresses import Addresses

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

_SAFE_METHODS = {"GET", "HEAD"}
_FORM = b"application/x-www-form-urlencoded"
_AS_THEY_ARE = {b"host": 300, b"origin": 300, b"content-length": 20, b"if-none-match": 1000, b"range": 100}
"""Fields that are passed on, up to a length; no cookie, for none is set here."""


class Guard:
    """ASGI middleware in front of every view. Nobody is asked who he is; of his address only a digest goes further."""

    def __init__(self, app: ASGIApp, addresses: Addresses, *, secret: bytes, origin: str, max_body: int) -> None:
        """``secret`` keys the digests, so that nobody who reads them finds an address by trying all."""
        self._app, self._addresses = app, addresses
        self._key = hmac.digest(secret, b"igc-sans-login-line", hashlib.sha256)
        self._origin, self._max_body = origin, max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a refusal, or let the request through with its line."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        line = hmac.digest(self._key, self._addresses.line_of(scope).encode(), hashlib.sha256).hex()[:32]
        state = {**scope.get("state", {}), LINE: line}
        scope = {**scope, "headers": list(_plain(scope["headers"])), "state": state}
        refusal = self._refuse(Request(scope, receive))
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        await self._app(scope, bounded(receive, self._max_body), send)

    def _refuse(self, request: Request) -> Response | None:
        if request.method in _SAFE_METHODS:
            return None
        if request.headers.get("origin") != self._origin:
            text = f"Ce formulaire ne vient pas de ce site. Ouvrez l'adresse {self._origin} et recommencez."
            return http_page(request, 403, text=text)
        declared = request.headers.get("content-length", "0")
        if not declared.isdecimal() or int(declared) > self._max_body:
            return http_page(request, 413, text="Ce formulaire est plus long que tout ce qui se saisit ici.")
        return None


def _plain(fields: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    for name, value in fields:
        if len(value) <= _AS_THEY_ARE.get(name, -1):
            yield name, value
        elif name == b"content-type" and value.partition(b";")[0].strip().lower() == _FORM:
            yield name, _FORM
