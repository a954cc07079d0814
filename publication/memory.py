"""Whole HTTP answers to OCSP requests that come again byte for byte; each is checked against the row before it goes."""

from __future__ import annotations

from pki.ocsp_response import MEDIA_TYPE_RESPONSE
from publication.headers import cache_headers, http_date
from publication.responder import OcspResponder
from runtime.clock import Clock, system_clock
from runtime.http_shortcut import WholeRequest

_ENTRIES = 20_000
_TYPE = MEDIA_TYPE_RESPONSE.encode()


class AnswerMemory:
    """A Shortcut of the HTTP server: which bytes asked what; the responder says whether its answer still holds."""

    def __init__(self, responder: OcspResponder, *, cache_seconds: int, clock: Clock = system_clock) -> None:
        """Knows nothing yet."""
        self._responder = responder
        self._cache_seconds = cache_seconds
        self._clock = clock
        self._known: dict[bytes, tuple[bytes, bool]] = {}

    def learn(self, whole: WholeRequest, ocsp_request: bytes) -> None:
        """These bytes were a request without conditions, answered with 200 and a kept answer."""
        if len(self._known) >= _ENTRIES:
            del self._known[next(iter(self._known))]
        self._known[whole.data] = (ocsp_request, whole.closes)

    def reply(self, data: bytes) -> tuple[bytes, bool] | None:
        """See Shortcut."""
        known = self._known.get(data)
        if known is None:
            return None
        ocsp_request, closes = known
        answer = self._responder.kept(ocsp_request)
        if answer is None or answer.this_update is None:
            del self._known[data]
            return None
        now = self._clock()
        lines = [
            b"HTTP/1.1 200 OK",
            b"date: " + http_date(now.replace(microsecond=0)),
            b"content-type: " + _TYPE,
            b"content-length: %d" % len(answer.body),
        ]
        lines += [
            b"%b: %b" % header
            for header in cache_headers(answer.etag, answer.this_update, answer.next_update, now, self._cache_seconds)
        ]
        if closes:
            lines.append(b"connection: close")
        return b"\r\n".join([*lines, b"", answer.body]), closes
