"""The front of the web service with nothing behind it: same listener, same TLS, an application that answers at once.

``python -m bench.floors.front SETTINGS PORT ANSWER`` serves the bytes of a file to whoever the web service would serve.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from commands.composition import started
from commands.processes.listening import listen

_Message = MutableMapping[str, Any]
_App = Callable[[_Message, Callable[[], Awaitable[_Message]], Callable[[_Message], Awaitable[None]]], Awaitable[None]]


def answering(body: bytes) -> _App:
    """An ASGI application that reads each request to its end and answers these bytes."""
    headers = [(b"content-type", b"text/xml; charset=utf-8"), (b"content-length", b"%d" % len(body))]

    async def app(
        scope: _Message, receive: Callable[[], Awaitable[_Message]], send: Callable[[_Message], Awaitable[None]]
    ) -> None:
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def main(settings: str, port: str, answer: str) -> None:
    """Serve until SIGTERM."""
    with started(Path(settings), "plancher") as here:
        section = here.settings.ws.model_copy(update={"port": int(port), "processes": 1})
        listen(here, section, answering(Path(answer).read_bytes()))


if __name__ == "__main__":
    main(*sys.argv[1:])
