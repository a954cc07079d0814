"""Two questions of load balancers, answered in front of every application: does the process live, may it be sent work.

Anybody may ask, as often as he likes, without a certificate: an answer costs nothing, because one look at the
surroundings serves all who ask within a second, and says nothing but one word.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import structlog

from runtime.listening.server import STOPPING

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Look = Callable[[], str | None]

log = structlog.get_logger()

ALIVE, READY = "/sante/vivant", "/sante/pret"
_FRESH_SECONDS = 1.0
_PATIENCE_SECONDS = 4.0
_SLOW, _ENDS = "lent", "fin"
_HEADERS = (
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)


class Health:
    """ASGI in front of ``app``: the two paths are its own, everything else passes."""

    def __init__(
        self,
        app: Application,
        look: Look,
        *,
        fresh: float = _FRESH_SECONDS,
        patience: float = _PATIENCE_SECONDS,
    ) -> None:
        """``look`` gives the word of what does not serve, None when all does; it runs in a thread, one at a time.

        A verdict is told for ``fresh`` seconds; a look that takes longer than ``patience`` counts as not ready.
        """
        self._app, self._look = app, look
        self._fresh, self._patience = fresh, patience
        self._verdict: str | None = None
        self._until = float("-inf")
        self._looking: asyncio.Future[str | None] | None = None
        self._told: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a probe, or hand on."""
        path = scope["path"] if scope["type"] == "http" else None
        if path not in {ALIVE, READY}:
            await self._app(scope, receive, send)
        elif scope["method"] not in {"GET", "HEAD"}:
            await _answer(scope, send, 405, "", ((b"allow", b"GET, HEAD"),))
        elif path == ALIVE:
            await _answer(scope, send, 200, "vivant")
        else:
            word = await self._why_not(scope.get("state", {}))
            await _answer(scope, send, 503 if word else 200, f"non pret : {word}" if word else "pret")

    async def _why_not(self, state: Mapping[str, Any]) -> str | None:
        if STOPPING in state and state[STOPPING]():
            return _ENDS
        if time.monotonic() >= self._until:
            looking = self._looking
            if looking is None:
                looking = self._looking = asyncio.get_running_loop().run_in_executor(None, self._look)
                looking.add_done_callback(self._note)
            done, _ = await asyncio.wait({looking}, timeout=self._patience)
            if not done:
                return self._tell(_SLOW)
        return self._tell(self._verdict)

    def _note(self, done: asyncio.Future[str | None]) -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None:
            log.error("readiness cannot be told", why=type(error).__name__)
        self._verdict = _SLOW if error is not None or done.cancelled() else done.result()
        self._until = time.monotonic() + self._fresh
        self._looking = None

    def _tell(self, word: str | None) -> str | None:
        """The log hears of changes, not of probes."""
        if word != self._told:
            self._told = word
            log.warning("not ready", why=word) if word else log.info("ready")
        return word


async def _answer(scope: Scope, send: Send, status: int, text: str, more: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    body = f"{text}\n".encode() if text else b""
    headers = [*_HEADERS, *more, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
