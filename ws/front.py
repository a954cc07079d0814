"""The canal as an ASGI application: what HTTP says is judged here, on the event loop; the rest runs in worker threads.

Big bodies have workers of their own, so that a lot of ten thousand items never stands before a small request.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from email.message import Message
from functools import partial
from typing import Any, TypeVar

import structlog

from registration.errors import Code, IgcError
from registration.views import LotFollowUp
from runtime.http_server import PEER_CERTIFICATE, STOPPING
from ws.contract_files import ENDPOINT
from ws.faults import as_igc_error, render_fault
from ws.reception import BigBodies, Body, ClientGoneError, Receive, too_large
from ws.service import Answer, Framing, SoapService, Wait
from ws.soap import SoapVersion
from ws.waiting import LotWatcher, Watched

Scope = Mapping[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]

R = TypeVar("R")
_logger = structlog.get_logger(__name__)
_BY_MEDIA_TYPE = {version.media_type: version for version in SoapVersion}
_SMALL_WORKERS = (
    4  # more would only hand the interpreter's lock to and fro; fewer wait behind two pages of certificates
)
_POLL_SECONDS = 0.3  # between two looks at a lot that somebody waits for
_MAX_WATCHES = 500


@dataclass(frozen=True, kw_only=True)
class WsLimits:
    """What one message may cost. Sizes in bytes, times in seconds.

    A body above ``small_bytes`` is big: its sender is identified before it is read, and ``big_workers`` bounds how many
    are parsed at once.
    """

    max_items: int = 10_000
    max_bytes: int = 32 * 1024 * 1024
    max_wait: int = 30
    small_bytes: int = 64 * 1024
    big_workers: int = 2
    big_bodies: int = 32
    big_bodies_per_acteur: int = 4


class UnsupportedMediaError(IgcError):
    """Refused for its media type or content coding: HTTP has a status of its own for that."""


class SoapFront:
    """GET gives the published files, POST on the endpoint is a call; everything else is refused in HTTP's words."""

    def __init__(self, service: SoapService, files: Mapping[str, bytes], limits: WsLimits) -> None:
        """``files`` by path and query, as ``contract_files.published_files`` gives them."""
        self._service = service
        self._files = files
        self._limits = limits
        self._small = ThreadPoolExecutor(_SMALL_WORKERS, thread_name_prefix="ws-small")
        self._big = ThreadPoolExecutor(limits.big_workers, thread_name_prefix="ws-big")
        self._big_bodies = BigBodies(in_all=limits.big_bodies, per_acteur=limits.big_bodies_per_acteur)
        self._watcher = LotWatcher(self._follow, interval=_POLL_SECONDS, max_watches=_MAX_WATCHES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI 3."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            if scope["path"] == ENDPOINT and scope["method"] == "POST":
                await self._call(scope, receive, send)
            else:
                await self._publish(scope, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        self._small.shutdown(wait=False)
        self._big.shutdown(wait=False)
        await send({"type": "lifespan.shutdown.complete"})

    async def _publish(self, scope: Scope, send: Send) -> None:
        query = scope["query_string"].decode("latin-1").lower()
        data = self._files.get(scope["path"] + (f"?{query}" if query else ""))
        if scope["method"] not in ("GET", "HEAD"):
            allowed = "POST, GET, HEAD" if scope["path"] == ENDPOINT else "GET, HEAD"
            await _respond(send, 405, "text/plain; charset=utf-8", b"Methode refusee.\n", allow=allowed)
        elif data is None:
            await _respond(send, 404, "text/plain; charset=utf-8", b"Rien a cette adresse.\n")
        else:
            await _respond(send, 200, "text/xml; charset=utf-8", data)

    async def _call(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        version = SoapVersion.V11
        answer: Answer | None = None
        error: IgcError | None
        try:
            headers = _headers(scope)
            version = _version(headers)
            answer = await self._answer(scope, headers, receive, _framing(headers, version))
            content, error = answer.content, answer.error
        except ClientGoneError:
            return
        except Exception as raised:  # noqa: BLE001  # nothing leaves this canal but a fault
            error = as_igc_error(raised)
            content = render_fault(error, version)
        _logger.info(
            "ws.call",
            operation=answer.operation.value if answer else None,
            fault=error.code.value if error else None,
            milliseconds=round((time.perf_counter() - started) * 1000, 1),
        )
        await _respond(send, _status(error), version.content_type, content)

    async def _answer(self, scope: Scope, headers: Mapping[str, str], receive: Receive, framing: Framing) -> Answer:
        declared = int(headers.get("content-length", "0"))
        if declared > self._limits.max_bytes:
            raise too_large(self._limits.max_bytes)
        peer = scope["state"].get(PEER_CERTIFICATE)
        small = self._limits.small_bytes
        with Body() as body, ExitStack() as stack:
            if peer is not None and declared <= small:
                await body.receive(receive, small)
            big = not body.complete or body.size > small  # or not read at all, for want of a certificate
            if big:
                acteur = await self._run(self._small, self._service.authority.identify, peer)
                stack.enter_context(self._big_bodies.one_more(acteur.id))
                await body.receive(receive, self._limits.max_bytes)
                if body.size > self._limits.max_bytes:
                    raise too_large(self._limits.max_bytes)
            workers = self._big if big else self._small
            result = await self._run(workers, self._service.process, peer, body.chunks(), framing)
        if isinstance(result, Wait):
            stopping: Callable[[], bool] = scope["state"].get(STOPPING, lambda: False)
            await self._watcher.wait(result.watched, result.known, result.seconds, stopping)
            result = await self._run(self._small, self._service.answer, result.call)
        return result

    async def _follow(self, watched: Watched) -> LotFollowUp:
        follow = partial(
            self._service.authority.follow_lot, watched.acteur, index=watched.index, reference=watched.reference
        )
        return await self._run(self._small, follow)

    async def _run(self, workers: ThreadPoolExecutor, work: Callable[..., R], *args: Any) -> R:  # noqa: ANN401  # those of work
        return await asyncio.get_running_loop().run_in_executor(workers, work, *args)


def _status(error: IgcError | None) -> int:
    """500 for faults in both versions: every SOAP stack reads a fault from a 500, few from anything else."""
    if error is None:
        return 200
    return 415 if isinstance(error, UnsupportedMediaError) else 500


def _headers(scope: Scope) -> dict[str, str]:
    """Headers by name; a repeated one is joined, so that two Content-Types match neither of ours."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _version(headers: Mapping[str, str]) -> SoapVersion:
    """SOAP 1.1 or 1.2 by media type; ERR_WS_004 for any other, multipart included."""
    version = _BY_MEDIA_TYPE.get(_content_type(headers).get_content_type())
    if version is None or "," in headers["content-type"].partition(";")[0]:
        raise UnsupportedMediaError(Code.MEDIA_TYPE)
    return version


def _framing(headers: Mapping[str, str], version: SoapVersion) -> Framing:
    """Charset and action as announced; ERR_WS_003 for any content coding."""
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMediaError(Code.ENCODING_REFUSED)
    content_type = _content_type(headers)
    if version is SoapVersion.V11:
        action: Any = headers.get("soapaction")
    else:
        action = content_type.get_param("action")
    charset = content_type.get_param("charset")
    return Framing(
        version=version,
        charset=None if charset is None else str(charset),
        action=None if action is None else str(action).strip().strip('"'),
    )


def _content_type(headers: Mapping[str, str]) -> Message:
    message = Message()
    message["content-type"] = headers.get("content-type", "")
    return message


async def _respond(send: Send, status: int, content_type: str, content: bytes, **more: str) -> None:
    headers = {"content-type": content_type, "content-length": str(len(content)), "cache-control": "no-store", **more}
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": content})
