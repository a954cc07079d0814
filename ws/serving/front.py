"""The canal as an ASGI application: what HTTP says is judged here, on the event loop; the rest runs in worker threads.

Big bodies have workers of their own, so that a lot of ten thousand items never stands before a small request.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from registration.errors import Code, IgcError, NotAtOnceError
from runtime.listening.fields import read_media_type
from runtime.listening.server import PEER_CERTIFICATE, STOPPING
from runtime.metrics.recording import called
from ws.contract.files import ENDPOINT, SCHEMA_FILE
from ws.contract.names import SoapVersion
from ws.gates.xml import VersionMismatchError
from ws.serving.coding import Coding, encoded, read_accepted
from ws.serving.faults import as_igc_error, render_fault
from ws.serving.reception import BigBodies, Body, ClientGoneError, Receive, too_large
from ws.serving.service import Answer, Framing, Later, Outcome, SoapService, Wait
from ws.serving.waiting import LotWatcher
from ws.serving.workers import Kind, Workers, unless_gone

Scope = Mapping[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
_Process = Callable[..., Outcome]

log = structlog.get_logger()
_BY_MEDIA_TYPE = {version.media_type: version for version in SoapVersion}
_MAX_WATCHES = 500
_MAX_WATCHES_PER_ACTEUR = 50
_RETRY_SECONDS = 5
_SHORT_BYTES = 4096
_WELCOME = f"""Service de lots de certificats logiciels.

WSDL (SOAP 1.1) : {ENDPOINT}?wsdl
WSDL (SOAP 1.2) : {ENDPOINT}?wsdl=soap12
Schema          : /schemas/{SCHEMA_FILE.name}
Appels          : POST {ENDPOINT}, avec un certificat client de la plateforme.
""".encode()


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
        self._workers = Workers(
            big_workers=limits.big_workers,
            big_waiting=limits.big_bodies,
            big_waiting_per_key=limits.big_bodies_per_acteur,
        )
        self._big_bodies = BigBodies(in_all=limits.big_bodies, per_acteur=limits.big_bodies_per_acteur)
        self._watcher = LotWatcher(service.authority, max_watches=_MAX_WATCHES, per_acteur=_MAX_WATCHES_PER_ACTEUR)

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
        self._watcher.close()
        self._workers.shut_down()
        await send({"type": "lifespan.shutdown.complete"})

    async def _publish(self, scope: Scope, send: Send) -> None:
        accepted = read_accepted(_headers(scope).get("accept-encoding"))
        # Some libraries write every query as name=value, the empty value too.
        query = scope["query_string"].decode("latin-1").lower().removesuffix("=")
        data = self._files.get(scope["path"] + (f"?{query}" if query else ""))
        if scope["method"] not in ("GET", "HEAD"):
            allowed = "POST, GET, HEAD" if scope["path"] == ENDPOINT else "GET, HEAD"
            await _respond(send, 405, "text/plain; charset=utf-8", b"Methode refusee.\n", allow=allowed)
        elif data is None and not query and scope["path"] in ("/", ENDPOINT):
            await _respond(send, 200, "text/plain; charset=utf-8", _WELCOME)
        elif data is None:
            await _respond(send, 404, "text/plain; charset=utf-8", b"Rien a cette adresse.\n")
        else:
            await _respond(send, 200, "text/xml; charset=utf-8", data, accepted)

    async def _call(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        version, accepted = SoapVersion.V11, Coding()
        answer: Answer | None = None
        error: IgcError | None
        try:
            headers = _headers(scope)
            accepted = read_accepted(headers.get("accept-encoding"))
            version = _version(headers)
            answer = await self._answer(scope, headers, receive, _framing(headers, version))
            content, error = answer.content, answer.error
        except ClientGoneError:
            return
        except Exception as raised:  # noqa: BLE001 -- nothing leaves this canal but a fault
            error = as_igc_error(raised)
            if isinstance(error, VersionMismatchError):
                version = error.version
            content = render_fault(error, version)
        seconds = time.perf_counter() - started
        called("ws", answer.operation.value if answer else "autre", error.code.value if error else "ok", seconds)
        log.info(
            "ws call",
            operation=answer.operation.value if answer else None,
            fault=error.code.value if error else None,
            milliseconds=round(seconds * 1000, 1),
        )
        later = {"retry-after": str(_RETRY_SECONDS)} if error is not None and error.code is Code.BUSY else {}
        await _respond(send, _status(error), version.content_type, content, accepted, **later)

    async def _answer(self, scope: Scope, headers: Mapping[str, str], receive: Receive, framing: Framing) -> Answer:
        declared = int(headers.get("content-length", "0"))
        if declared > self._limits.max_bytes:
            raise too_large(self._limits.max_bytes)
        peer = scope["state"].get(PEER_CERTIFICATE)
        small = self._limits.small_bytes
        # The certificate, not yet the acteur: a share must be known before anything is asked of the database.
        run = partial(self._workers.run, key=peer)
        with Body() as body, ExitStack() as stack:
            if peer is not None and declared <= small:
                await body.receive(receive, small)
            big = not body.complete or body.size > small  # or not read at all, for want of a certificate
            if big:
                caller = await run(
                    Kind.READ, receive=None, work=partial(self._service.authority.acteurs.identify, peer)
                )
                stack.enter_context(self._big_bodies.one_more(caller.acteur.key))
                await body.receive(receive, self._limits.max_bytes)
                if body.size > self._limits.max_bytes:
                    raise too_large(self._limits.max_bytes)
            process = partial(self._service.process, peer, framing=framing, may_write=big)
            result = self._at_once(peer, body, process)
            if result is None:
                kind = Kind.BIG if big else Kind.READ
                result = await run(kind, receive=receive, work=partial(process, body=body.chunks()))
        if isinstance(result, Later):
            if result.call.request.operation.writes:
                return await run(Kind.WRITE, receive=receive, work=partial(self._service.answer, result.call))
            result = await run(Kind.READ, receive=receive, work=partial(self._service.process_again, result.call))
        if isinstance(result, Wait):
            return await self._wait(scope, receive, run, result)
        return result

    def _at_once(self, peer: bytes | None, body: Body, process: _Process) -> Outcome | None:
        """What a short message comes to, as far as that costs less than the way to a thread and back.

        None when nothing was done: where others wait for their turn, or a look at the database may take time.
        """
        if peer is None or not body.complete or body.size > _SHORT_BYTES or not self._service.authority.reads_at_once:
            return None
        try:
            return self._workers.at_once(Kind.READ, peer, partial(process, body=body.chunks(), at_once=True))
        except NotAtOnceError:
            return None

    async def _wait(self, scope: Scope, receive: Receive, run: Callable[..., Awaitable[Any]], wait: Wait) -> Answer:
        """Answer once the lot has another version than the known one, or the time asked for is over."""
        stopping: Callable[[], bool] = scope["state"].get(STOPPING, lambda: False)
        over = time.monotonic() + wait.seconds
        while (left := over - time.monotonic()) > 0 and not stopping():
            if not await unless_gone(receive, self._watcher.wait(wait.watched, wait.mark, left, stopping)):
                break
            again = partial(self._service.process_again, wait.call)
            result: Answer | Wait = await run(Kind.READ, receive=receive, work=again)
            if isinstance(result, Answer):
                return result
            wait = result
        answer: Answer = await run(Kind.READ, receive=receive, work=partial(self._service.answer, wait.call))
        return answer


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
    version = _BY_MEDIA_TYPE.get(read_media_type(headers.get("content-type", "")).essence)
    if version is None:
        raise UnsupportedMediaError(Code.MEDIA_TYPE)
    return version


def _framing(headers: Mapping[str, str], version: SoapVersion) -> Framing:
    """Charset and action as announced; ERR_WS_003 for any content coding."""
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMediaError(Code.ENCODING_REFUSED)
    parameters = read_media_type(headers.get("content-type", "")).parameters
    action = headers.get("soapaction") if version is SoapVersion.V11 else parameters.get("action")
    return Framing(
        version=version,
        charset=parameters.get("charset"),
        action=None if action is None else action.strip().strip('"'),
    )


async def _respond(
    send: Send, status: int, content_type: str, content: bytes, accepted: Coding | None = None, **more: str
) -> None:
    """``accepted`` is given where the content may be compressed for who asks for it."""
    coding: dict[str, str] = {}
    if accepted is not None:
        content, coding = await encoded(content, accepted)
    headers = {"content-type": content_type, "content-length": str(len(content)), "cache-control": "no-store"}
    fields = [(name.encode(), value.encode()) for name, value in {**headers, **coding, **more}.items()]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": content})
