"""The ASGI application of the publication: OCSP by POST and GET, CRLs, certificates, chains, texts; 404 otherwise."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from pki.authority import Authority
from pki.status.ocsp_request import MAX_REQUEST_BYTES
from pki.status.ocsp_response import MEDIA_TYPE_REQUEST, OcspError
from publication.files import Document, PublishedFiles
from publication.headers import NO_STORE, OCSP_TYPE, Headers, answer_headers, cache_headers
from publication.memory import AnswerMemory
from publication.responder import OcspResponder
from publication.textes import PublishedTextes
from runtime.clock import Clock, system_clock
from runtime.listening.fields import read_http_date
from runtime.listening.shortcut import WHOLE_REQUEST

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_GET_BYTES = 255  # RFC 5019 §5: a longer request goes by POST
_PIECE = 64 * 1024
_REQUEST_TYPE = MEDIA_TYPE_REQUEST.encode()


class PublicationApp:
    """Routes by exact path; ``cache_seconds`` is how long a shared cache may keep an answer, nextUpdate permitting."""

    def __init__(
        self,
        authorities: Mapping[str, Authority],
        responder: OcspResponder,
        files: PublishedFiles,
        textes: PublishedTextes,
        *,
        cache_seconds: int,
        clock: Clock = system_clock,
    ) -> None:
        """OCSP listens at the paths of the addresses that stand in the certificates."""
        self._ocsp_paths = ocsp_paths(authorities.values())
        self._responder = responder
        self._files = files
        self._textes = textes
        self._cache_seconds = cache_seconds
        self._clock = clock
        self.memory = AnswerMemory(responder, cache_seconds=cache_seconds, clock=clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the life of the server."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    def kind_of(self, method: str, path: str) -> str:
        """What a request asks for, in one of three words: ``ocsp``, ``fichier`` or ``autre``."""
        if method == "POST":
            return "ocsp" if path in self._ocsp_paths else "autre"
        if self._files.find(path) is not None or self._textes.find(path) is not None:
            return "fichier"
        return "ocsp" if self._ocsp_part(path.encode()) is not None else "autre"

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        if method == "POST":
            await self._post(scope, receive, send)
            return
        if method not in ("GET", "HEAD"):
            await _plain(send, 405, [(b"allow", b"GET, HEAD, POST")])
            return
        document = self._files.find(path) or self._textes.find(path)
        if document is not None:
            await self._send_document(scope, send, document)
            return
        encoded = self._ocsp_part(scope["raw_path"])
        if encoded is None:
            await _plain(send, 404)
        elif len(encoded) > MAX_GET_BYTES:
            await _plain(send, 414)
        else:
            data = _decode(encoded)
            if data is None:
                await _send(scope, send, 200, [OCSP_TYPE, NO_STORE], OcspError.MALFORMED_REQUEST.value)
            else:
                await self._send_answer(scope, send, data)

    async def _post(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] not in self._ocsp_paths:
            await _plain(send, 404)
            return
        media_type = _header(scope, b"content-type").partition(b";")[0].strip().lower()
        if media_type != _REQUEST_TYPE:
            await _plain(send, 415)
            return
        body = await _read_body(receive)
        if body is None:
            await _plain(send, 413)
            return
        await self._send_answer(scope, send, body)

    def _ocsp_part(self, raw_path: bytes) -> bytes | None:
        """The encoded request behind one of our addresses; a DER SEQUENCE always begins with M in base64.

        Some clients put a slash too much behind an address without a path.
        """
        for path in self._ocsp_paths:
            base = path.encode().rstrip(b"/") + b"/"
            rest = raw_path[len(base) :].lstrip(b"/")
            if raw_path.startswith(base) and rest.startswith(b"M"):
                return rest
        return None

    async def _send_answer(self, scope: Scope, send: Send, data: bytes) -> None:
        answer = self._responder.answer(data)
        now = self._clock()
        headers = answer_headers(answer, now, self._cache_seconds)
        # Validators belong to GET (RFC 9110 §13.1): a POST always has its answer.
        is_post = scope["method"] == "POST"
        if not is_post and answer.etag and _is_unchanged(scope, answer.etag, answer.modified, now):
            await _send(scope, send, 304, headers, b"")
            return
        if is_post or (scope["method"] == "GET" and not _has_validators(scope)):
            whole = scope["state"].get(WHOLE_REQUEST)
            if whole is not None:
                self.memory.learn(whole, data)
        await _send(scope, send, 200, headers, answer.body)

    async def _send_document(self, scope: Scope, send: Send, document: Document) -> None:
        now = self._clock()
        headers = [(b"content-type", document.media_type.encode())]
        headers += cache_headers(document.etag, document.last_modified, document.next_update, now, self._cache_seconds)
        if _is_unchanged(scope, document.etag, document.last_modified, now):
            await _send(scope, send, 304, headers, b"")
        else:
            await _send(scope, send, 200, headers, document.body)


def ocsp_paths(authorities: Iterable[Authority]) -> frozenset[str]:
    """The paths of the responders' addresses, "/" for an address without one."""
    urls = (authority.url(authority.settings.ocsp_url) for authority in authorities if authority.settings.ocsp_url)
    return frozenset(urlsplit(url).path or "/" for url in urls)


def _decode(encoded: bytes) -> bytes | None:
    """The request of a GET (RFC 6960 A.1): URL-encoded base64; None when it is not. Missing padding is forgiven."""
    text = unquote_to_bytes(encoded)
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return None


def _header(scope: Scope, name: bytes) -> bytes:
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return b""


def _has_validators(scope: Scope) -> bool:
    return any(name in (b"if-none-match", b"if-modified-since") for name, _ in scope["headers"])


def _is_unchanged(scope: Scope, etag: str, modified: datetime | None, now: datetime) -> bool:
    """RFC 9110 §13.2.2: If-None-Match decides alone when it is there. No date meets no condition."""
    if listed := _header(scope, b"if-none-match"):
        tags = {tag.strip().removeprefix(b"W/") for tag in listed.split(b",")}
        return b"*" in tags or etag.encode() in tags
    since = read_http_date(_header(scope, b"if-modified-since").decode("latin-1"), now)
    return since is not None and modified is not None and modified <= since


async def _read_body(receive: Receive) -> bytes | None:
    """The whole body; None when it is longer than any request, or was not sent to its end."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > MAX_REQUEST_BYTES:
            return None
        if not message.get("more_body", False):
            return bytes(body)


async def _plain(send: Send, status: int, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
    length = (b"content-length", b"0")
    await send({"type": "http.response.start", "status": status, "headers": [*headers, NO_STORE, length]})
    await send({"type": "http.response.body", "body": b""})


async def _send(scope: Scope, send: Send, status: int, headers: Headers, body: bytes) -> None:
    """In pieces, so that a slow client of a large CRL holds one piece and not the list."""
    if status == 200:  # noqa: PLR2004 -- a 304 has no length of its own
        headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if scope["method"] == "HEAD":
        body = b""
    for start in range(0, len(body) - _PIECE, _PIECE):
        await send({"type": "http.response.body", "body": body[start : start + _PIECE], "more_body": True})
    rest = (max(len(body) - 1, 0) // _PIECE) * _PIECE
    await send({"type": "http.response.body", "body": body[rest:]})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
