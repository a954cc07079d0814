"""A fair share of the portal for every acteur: a crowd of requests, or of exports, makes nobody else wait."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from starlette.requests import Request

from portal_ihm.shell.context import known_caller
from portal_ihm.shell.errors import refusal_page
from registration.errors import Code, IgcError
from runtime.listening.turns import NoTurnError, Shares, Turns

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

# As many pages at once as the interpreter makes good use of; one acteur never has all of them.
_PAGES = Shares(in_all=8, per_key=4, waiting_in_all=200, waiting_per_key=20, patience=10.0)
# An export reads for as long as its client takes: it has places of its own.
_EXPORTS = Shares(in_all=4, per_key=1, waiting_in_all=16, waiting_per_key=2, patience=5.0)
# A file comes as slowly as its sender's line is, and then costs the interpreter as much as many pages.
_UPLOADS = Shares(in_all=4, per_key=1, waiting_in_all=16, waiting_per_key=2, patience=30.0)
_EXPORT_SUFFIX = ".csv"


class FairShares:
    """ASGI middleware inside the guard: each request waits for its turn, in the line of its acteur."""

    def __init__(self, app: ASGIApp, uploads: Collection[str] = ()) -> None:
        """All places are free. ``uploads`` are the paths that take files."""
        self._app = app
        self._upload_paths = frozenset(uploads)
        self._uploads = Turns(_UPLOADS)
        self._pages = Turns(_PAGES)
        self._exports = Turns(_EXPORTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 503 with Retry-After when too many wait."""
        caller = known_caller(scope)
        if scope["type"] != "http" or caller is None:
            await self._app(scope, receive, send)
            return
        turns = self._turns_for(scope)
        begun = False

        async def send_begun(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            async with turns.turn(caller.key):
                await self._app(scope, receive, send_begun)
        except NoTurnError:
            if begun:
                raise
            await refusal_page(Request(scope, receive), IgcError(Code.BUSY))(scope, receive, send)

    def _turns_for(self, scope: Scope) -> Turns:
        path = scope["path"]
        if path in self._upload_paths and scope["method"] == "POST":
            return self._uploads
        return self._exports if path.endswith(_EXPORT_SUFFIX) else self._pages
