"""OCSP requests whose HTTP head is known by heart go straight to the responder, past the parser and the application.

Clients repeat their heads byte for byte; only the DER differs, and that the responder reads in any case.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from publication.headers import answer_headers, http_date
from publication.responder import OcspResponder
from runtime.clock import Clock, system_clock
from runtime.listening.shortcut import WholeRequest
from runtime.metrics.recording import called

_ENTRIES = 20_000
_END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class _Head:
    """What a head asks for: a body of ``length`` octets, or, for GET, the request that stands in its path."""

    length: int
    request: bytes
    closes: bool


class AnswerMemory:
    """A Shortcut of the HTTP server, see there."""

    def __init__(self, responder: OcspResponder, *, cache_seconds: int, clock: Clock = system_clock) -> None:
        """Knows nothing yet."""
        self._responder = responder
        self._cache_seconds = cache_seconds
        self._clock = clock
        self._heads: dict[bytes, _Head] = {}

    def learn(self, whole: WholeRequest, ocsp_request: bytes) -> None:
        """These bytes were a request without conditions for an OCSP answer: a GET, or a POST of ``ocsp_request``.

        A body in another framing than plain octets is not learnt.
        """
        head, end, body = whole.data.partition(_END_OF_HEAD)
        if not end or (body and body != ocsp_request):
            return
        if len(self._heads) >= _ENTRIES:
            del self._heads[next(iter(self._heads))]
        self._heads[head] = _Head(len(body), b"" if body else ocsp_request, whole.closes)

    def reply(self, data: bytes) -> tuple[bytes, bool] | None:
        """See Shortcut."""
        text, end, body = data.partition(_END_OF_HEAD)
        head = self._heads.get(text) if end else None
        if head is None or len(body) != head.length:
            return None
        started = time.perf_counter()
        answer = self._responder.answer(body or head.request)
        now = self._clock()
        lines = [b"HTTP/1.1 200 OK", b"date: " + http_date(now.replace(microsecond=0))]
        lines += [b"%b: %b" % header for header in answer_headers(answer, now, self._cache_seconds)]
        lines.append(b"content-length: %d" % len(answer.body))
        if head.closes:
            lines.append(b"connection: close")
        called("publication", "ocsp", "200", time.perf_counter() - started)
        return b"\r\n".join([*lines, b"", answer.body]), head.closes
