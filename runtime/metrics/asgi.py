"""Counts the requests of an application by what they ask for, and times them; nothing of a request is kept."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from runtime.metrics.recording import called

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

OTHER = "autre"
_NO_ANSWER = "0"


class Counted:
    """ASGI around ``app``; ``name_of`` gives a word out of few for a method and a path."""

    def __init__(self, app: Application, canal: str, name_of: Callable[[str, str], str]) -> None:
        self._app, self._canal, self._name_of = app, canal, name_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, and count once it is over; status 0 where no answer began."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, started = _NO_ANSWER, time.perf_counter()

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        finally:
            name = self._name_of(scope["method"], scope["path"])
            called(self._canal, name, status, time.perf_counter() - started)


def by_route(routes: Iterable[Any]) -> Callable[[str, str], str]:
    """The pattern of the route that a path belongs to, ``autre`` for none: of ``/a/{x}/b`` never the value of x."""
    fixed: set[str] = set()
    patterns: list[tuple[Any, str]] = []
    for route in routes:
        if "{" in route.path or not hasattr(route, "endpoint"):
            patterns.append((route.path_regex, route.path))
        else:
            fixed.add(route.path)

    def name_of(_method: str, path: str) -> str:
        if path in fixed:
            return path
        return next((name for regex, name in patterns if regex.match(path)), OTHER)

    return name_of
