"""What of a request's head reaches the portal: the few fields that it reads, each short and in one plain form.

Outermost, because the libraries behind read cookies and media types in quadratic time, let a form name any codec of
Python, and answer ranges and dates that nobody needs here.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from portal_ihm.shell.doors import LOGIN_COOKIE, SIZE_COOKIE
from runtime.listening.fields import read_media_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from starlette.types import ASGIApp, Receive, Scope, Send

SESSION_COOKIE = "__Host-portail"
"""That of the door of software certificates."""

_AS_THEY_ARE = {b"host": 300, b"origin": 300, b"content-length": 20, b"if-none-match": 1000}
"""Fields that are passed on unchanged, up to a length; a longer one is left out."""
_LONGEST_COOKIE = 4096
_COOKIE_VALUE = re.compile(rb"[A-Za-z0-9+/=._-]+")
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
"""RFC 2046 §5.1.1."""


class Intake:
    """ASGI middleware that hands on such a head; the query string and the path are bounded by the listener."""

    def __init__(self, app: ASGIApp, session_cookie: str = SESSION_COOKIE) -> None:
        """Stand in front of ``app``, whose sessions have a cookie of this name."""
        self._app = app
        self._cookies = frozenset(name.encode() for name in (session_cookie, SIZE_COOKIE, LOGIN_COOKIE))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http":
            scope = {**scope, "headers": list(_plain(scope["headers"], self._cookies))}
        await self._app(scope, receive, send)


def _plain(fields: Iterable[tuple[bytes, bytes]], names: frozenset[bytes]) -> Iterator[tuple[bytes, bytes]]:
    cookies = []
    for name, value in fields:
        if len(value) <= _AS_THEY_ARE.get(name, -1):
            yield name, value
        elif name == b"content-type" and (form := _form_type(value)):
            yield name, form
        elif name == b"cookie":
            cookies += [part.strip() for part in value.split(b";")]
    named = [(cookie.partition(b"=")[0], cookie) for cookie in cookies]
    times = Counter(name for name, _ in named)
    # Two of one name are a sign that somebody else writes here.
    ours = [cookie for name, cookie in named if name in names and times[name] == 1 and _is_plain(cookie, name)]
    if ours:
        yield b"cookie", b"; ".join(ours)


def _is_plain(cookie: bytes, name: bytes) -> bool:
    return len(cookie) <= _LONGEST_COOKIE and _COOKIE_VALUE.fullmatch(cookie, len(name) + 1) is not None


def _form_type(value: bytes) -> bytes | None:
    """The media type of a form as browsers send it; no charset, for our pages are in UTF-8. None: no form."""
    media_type = read_media_type(value.decode("latin-1"))
    if media_type.essence == "application/x-www-form-urlencoded":
        return media_type.essence.encode()
    boundary = media_type.parameters.get("boundary", "")
    if media_type.essence == "multipart/form-data" and _BOUNDARY.fullmatch(boundary):
        return f'multipart/form-data; boundary="{boundary}"'.encode()
    return None
