"""The one address that Prometheus reads: counters of all processes, and the state of the plateforme."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from batch.watching.measuring import Measuring

PATH = "/metrics"
Message = MutableMapping[str, Any]


class MetricsApp:
    """ASGI: GET on one path; who asks while an answer is made is given that one."""

    def __init__(self, folder: Path, measuring: Measuring) -> None:
        """``folder`` is where the processes count."""
        self._registry = CollectorRegistry()
        MultiProcessCollector(self._registry, path=str(folder))  # type: ignore[no-untyped-call]  # it does not annotate
        self._registry.register(measuring)
        self._making: asyncio.Future[bytes] | None = None

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Any]
    ) -> None:
        """Answer, 404 for any other path and 405 for any other method."""
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": f"{message['type']}.complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        if scope["path"] != PATH:
            await _send(send, 404, b"")
        elif scope["method"] != "GET":
            await _send(send, 405, b"")
        else:
            await _send(send, 200, await self._exposition())

    async def _exposition(self) -> bytes:
        if self._making is None:
            self._making = asyncio.get_running_loop().run_in_executor(None, generate_latest, self._registry)
            self._making.add_done_callback(self._made)
        return await asyncio.shield(self._making)

    def _made(self, _done: asyncio.Future[bytes]) -> None:
        self._making = None


async def _send(send: Callable[[Message], Any], status: int, body: bytes) -> None:
    headers = [
        (b"content-type", CONTENT_TYPE_LATEST.encode()),
        (b"cache-control", b"no-store"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
