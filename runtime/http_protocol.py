"""One HTTP connection: uvicorn's h11 protocol with the bounds it lacks, and the peer certificate in the scope.

A deadline is kept as a few numbers per connection; the server looks at them from one timer (``check``), so that
thousands of silent connections cost nothing but memory.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from dataclasses import dataclass
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

PEER_CERTIFICATE = "peer_certificate_der"
"""Key of ``scope["state"]``: the client's certificate in DER, or None."""

_HEAD_END = re.compile(rb"\n\r?\n")
_LENGTH_HEADER = re.compile(rb"^content-length[ \t]*:([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_CODING_HEADER = re.compile(rb"^transfer-encoding[ \t]*:", re.IGNORECASE | re.MULTILINE)
_WATERMARK_GAP = 48 * 1024  # asyncio's high less low mark: at least this left the buffer when writing resumes

_FAREWELL = 0.5  # seconds


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a client may cost. Times in seconds, sizes in bytes.

    ``header_timeout`` runs from the end of the handshake (or the first byte of a later request) to the end of the
    headers, ``body_timeout`` from there to the end of the body. ``stall_timeout`` (body) and ``write_timeout``
    (answer) are windows: in each of them at least ``min_progress`` bytes must move, or everything that is left.
    ``linger_bytes``: how much of a body already answered is still read and thrown away, so that a client which sends
    before it reads can see the answer (RFC 9112 §9.6).
    """

    max_connections: int = 4000
    max_header_bytes: int = 16 * 1024
    handshake_timeout: float = 10.0
    header_timeout: float = 10.0
    body_timeout: float = 600.0
    stall_timeout: float = 20.0
    write_timeout: float = 30.0
    keep_alive_timeout: int = 75
    min_progress: int = 16 * 1024
    linger_bytes: int = 64 * 1024 * 1024
    graceful_stop: int = 10
    backlog: int = 1024


class _GuardedConnection(h11.Connection):
    """h11 with a hard bound on the head, and without the ambiguous framings that allow request smuggling."""

    def __init__(self, max_header_bytes: int) -> None:
        super().__init__(h11.SERVER, max_header_bytes)
        self._max_header_bytes = max_header_bytes

    def next_event(self) -> Any:  # noqa: ANN401  # h11 returns events or sentinels
        """As h11, but RemoteProtocolError for a head too long or framed twice (RFC 9112 §6.3)."""
        if self.their_state is h11.IDLE:
            self._check_head(self.trailing_data[0])
        return super().next_event()

    def _check_head(self, received: bytes) -> None:
        end = _HEAD_END.search(received)
        head = received[: end.end()] if end else received
        if len(head) > self._max_header_bytes:
            raise h11.RemoteProtocolError("headers too long", error_status_hint=431)
        lengths = _LENGTH_HEADER.findall(head)
        if len(lengths) > 1 or any(b"," in value for value in lengths):
            raise h11.RemoteProtocolError("more than one Content-Length")
        if lengths and _CODING_HEADER.search(head):
            raise h11.RemoteProtocolError("Content-Length together with Transfer-Encoding")


class BoundedProtocol(H11Protocol):
    """A connection that ends when its client stalls, and that tells the application who the client is."""

    limits = Limits()

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn = _GuardedConnection(self.limits.max_header_bytes)
        now = self.loop.time()
        self._head_since: float | None = now
        self._waiting_since: float | None = now
        self._read_since = self._write_since = self._body_since = now
        self._read = self._written = self._pending = self._lingered = 0
        self._closing_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Note the peer certificate; when the house is full, the connection that waits longest gives way."""
        super().connection_made(transport)
        tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        self.app_state = {**self.app_state, PEER_CERTIFICATE: tls.getpeercert(binary_form=True) if tls else None}
        if len(self.connections) > self.limits.max_connections:
            self._evict_the_longest_waiting()

    def data_received(self, data: bytes) -> None:
        """Feed h11, keeping account of progress."""
        now = self.loop.time()
        if self.conn.their_state is h11.IDLE and self._head_since is None:
            self._head_since = now
        if self._answered():
            self._lingered += len(data)
            if self._lingered > self.limits.linger_bytes:
                self.transport.abort()
                return
        self._read += len(data)
        super().data_received(data)
        self._note_state()

    def on_response_complete(self) -> None:
        """As uvicorn; from here on the connection waits again, unless the next request is already in the buffer."""
        self._waiting_since = self.loop.time()
        super().on_response_complete()
        self._note_state()

    def handle_events(self) -> None:
        """As uvicorn; the account of a body already answered starts again with each request."""
        if self.conn.their_state is h11.IDLE:
            self._lingered = 0
        super().handle_events()

    def resume_writing(self) -> None:
        """The client took data."""
        self._written += _WATERMARK_GAP
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer 400 when nothing was answered yet, and close in any case."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            if self.cycle is not None and not self._answered():  # type: ignore[redundant-expr]  # None at first
                self.cycle.disconnected = True
                self.cycle.message_event.set()
            super().send_400_response(msg)
        else:
            self.transport.close()

    def shutdown(self) -> None:
        """As uvicorn; a client that leaves the farewell of TLS unanswered is not waited for."""
        super().shutdown()
        if self.transport.is_closing():
            self.loop.call_later(_FAREWELL, self.transport.abort)

    def check(self, now: float) -> None:
        """End the connection when one of its limits is passed; called by the server's timer."""
        if self.transport.is_closing():
            self._closing_since = self._closing_since or now
            if now - self._closing_since > self.limits.write_timeout:
                self.transport.abort()
        elif self._head_since is not None:
            if now - self._head_since > self.limits.header_timeout:
                self.transport.close()
        elif self._waiting_since is not None and now - self._waiting_since > self.limits.keep_alive_timeout:
            # uvicorn's own timer is lost when a body comes to its end after the answer.
            self.transport.close()
        if self._body_stalls(now) or self._reader_stalls(now):
            self.transport.abort()

    def _answered(self) -> bool:
        return self.cycle is not None and self.cycle.response_complete  # type: ignore[redundant-expr]  # None at first

    def _note_state(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._head_since = self._waiting_since = None
        elif self._waiting_since is None:
            self._waiting_since = self.loop.time()

    def _body_stalls(self, now: float) -> bool:
        if self.conn.their_state is not h11.SEND_BODY:
            self._body_since = now
        elif now - self._body_since > self.limits.body_timeout:
            return True
        if self.conn.their_state is not h11.SEND_BODY or self.flow.read_paused:
            self._read_since, self._read = now, 0
            return False
        if now - self._read_since <= self.limits.stall_timeout:
            return False
        stalled = self._read < self.limits.min_progress
        self._read_since, self._read = now, 0
        return stalled

    def _reader_stalls(self, now: float) -> bool:
        pending = self.transport.get_write_buffer_size()
        self._written += max(0, self._pending - pending)
        self._pending = pending
        if pending == 0:
            self._write_since, self._written = now, 0
            return False
        if now - self._write_since <= self.limits.write_timeout:
            return False
        stalled = self._written < self.limits.min_progress
        self._write_since, self._written = now, 0
        return stalled

    def _evict_the_longest_waiting(self) -> None:
        since = {
            connection: connection._waiting_since  # noqa: SLF001  # own class
            for connection in self.connections
            if isinstance(connection, BoundedProtocol)
        }
        waiting = {connection: at for connection, at in since.items() if at is not None}
        if waiting:
            min(waiting, key=waiting.__getitem__).transport.abort()
