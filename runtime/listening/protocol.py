"""One HTTP connection: uvicorn's h11 protocol with the bounds it lacks, and the peer certificate in the scope.

A deadline is kept as a few numbers per connection; the server looks at them from one timer (``check``), so that
thousands of silent connections cost nothing but memory.
"""

from __future__ import annotations

import asyncio
import http
import logging
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from runtime.listening.framing import RequestFraming
from runtime.listening.house import Guest, House, Stage
from runtime.listening.limits import Limits
from runtime.listening.tally import Tally
from runtime.listening.tls import ServerSession

PEER_CERTIFICATE = "peer_certificate_der"
"""Key of ``scope["state"]``: the client's certificate in DER, or None."""

_WATERMARK_GAP = 48 * 1024  # asyncio's high less low mark: at least this left the buffer when writing resumes
_FAREWELL = 0.5  # seconds
_PER_CLIENT = ("Invalid HTTP request received.", "Unsupported upgrade request.")


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    return record.msg not in _PER_CLIENT


# The tally counts them: one line for each bad request would let anybody fill the disk.
logging.getLogger("uvicorn.error").addFilter(_is_worth_a_line)


class _FramedConnection(h11.Connection):
    """h11 behind ``RequestFraming``: it is fed one head or one piece of body when it is ready for it."""

    def __init__(self, max_header_bytes: int) -> None:
        # What reaches h11 is bounded already; written in plain form a head may be a little longer than it came.
        super().__init__(h11.SERVER, 2 * max_header_bytes)
        self._framing = RequestFraming(max_header_bytes)
        self.refusal = http.HTTPStatus.BAD_REQUEST

    def receive_data(self, data: bytes) -> None:
        """As h11, nothing is processed yet."""
        self._framing.feed(data)

    def next_event(self) -> Any:  # noqa: ANN401 -- h11 returns events or sentinels
        """As h11; ``refusal`` is the status to answer after an h11.RemoteProtocolError."""
        try:
            return self._next_event()
        except h11.RemoteProtocolError as error:
            self.refusal = http.HTTPStatus(error.error_status_hint)
            raise

    def _next_event(self) -> Any:  # noqa: ANN401 -- h11 returns events or sentinels
        state = self.their_state
        if state is h11.IDLE:
            head = self._framing.head()
            if head is None:
                return h11.NEED_DATA
            super().receive_data(head)
        elif state is h11.SEND_BODY:
            if piece := self._framing.body():
                super().receive_data(piece)
        elif state is h11.DONE and len(self._framing):
            return h11.PAUSED
        elif state is h11.MUST_CLOSE:
            self._framing.drop()
        return super().next_event()

    @property
    def waits_for_the_first_octet(self) -> bool:
        """Nothing of a next request is here."""
        return self.their_state is h11.IDLE and not len(self._framing)

    @property
    def has_more(self) -> bool:
        """Something is here that stands behind the request at hand."""
        return bool(len(self._framing))


class BoundedProtocol(H11Protocol):
    """A connection that ends when its client stalls, and that tells the application who the client is."""

    limits: Limits
    house: House
    tally: Tally
    conn: _FramedConnection

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn = _FramedConnection(self.limits.max_header_bytes)
        self.arrival: Guest | None = None
        now = self.loop.time()
        self._head_since: float | None = now
        self._waiting_since: float | None = now
        self._read_since = self._write_since = self._body_since = now
        self._read = self._written = self._pending = self._lingered = 0
        self._closing_since: float | None = None
        self._stage: Stage | None = None
        self._is_last = False
        self._tls: ServerSession | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Note the peer certificate; from now on it is this connection that counts, not its handshake."""
        super().connection_made(transport)
        if self.arrival is not None:
            self.house.leave(self.arrival)
            self.arrival = None
        self._move(Stage.SILENT)
        tls = self._tls = transport.get_extra_info("ssl_object")
        self.app_state = {**self.app_state, PEER_CERTIFICATE: tls.getpeercert(binary_form=True) if tls else None}
        if tls is not None:
            tls.on_finish = lambda: self.loop.call_soon(self._finish)

    def connection_lost(self, exc: Exception | None) -> None:
        """As uvicorn. The transport is not asked: one that was closed twice does not know its session any more."""
        self.house.leave(self)
        if self._tls is not None:
            self._tls.on_finish = None  # or the session and this object would keep each other in memory
            self._tls = None
        super().connection_lost(exc)

    def give_way(self) -> None:
        """End at once, see ``Guest``."""
        self.transport.abort()

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

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio looks at what it returns
        """Without TLS a client may close its half and wait for the answer (RFC 9112 §9.6)."""
        if self.scheme == "https":  # asyncio ends the connection whatever is said here; see ServerSession
            return False
        self._is_last = self._answer_is_due()
        return self._is_last

    def on_response_complete(self) -> None:
        """As uvicorn; from here on the connection waits again, unless the next request is already in the buffer."""
        super().on_response_complete()
        self._note_state()
        if self._is_last and not self._answer_is_due():
            self._close()

    def handle_events(self) -> None:
        """As uvicorn; the account of a body already answered starts again with each request."""
        if self.conn.their_state is h11.IDLE:
            self._lingered = 0
        super().handle_events()

    def resume_writing(self) -> None:
        """The client took data."""
        self._written += _WATERMARK_GAP
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 -- uvicorn's own words
        """Answer with the status of the refusal when nothing was answered yet, and close in any case."""
        self.tally.count("malformed request")
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            if self.cycle is not None and not self._answered():  # type: ignore[redundant-expr]  # None at first
                self.cycle.disconnected = True
                self.cycle.message_event.set()
            status = self.conn.refusal
            headers = [("content-length", "0"), ("connection", "close")]
            response = h11.Response(status_code=status, headers=headers, reason=status.phrase.encode())
            self.transport.write(self.conn.send(response) or b"")
            self.conn.send(h11.EndOfMessage())
        self._close()

    def shutdown(self) -> None:
        """As uvicorn; a client that leaves the farewell of TLS unanswered is not waited for."""
        if not self.transport.is_closing():  # see _close
            super().shutdown()
        if self.transport.is_closing():
            self.loop.call_later(_FAREWELL, self.transport.abort)

    def check(self, now: float) -> None:
        """End the connection when one of its limits is passed; called by the server's timer."""
        if self.transport.is_closing():
            if self._closing_since is None:
                self._closing_since = now
                self._move(Stage.LEAVING)
            if now - self._closing_since > self.limits.write_timeout:
                self.transport.abort()
        elif self._body_stalls(now) or self._reader_stalls(now):
            self.transport.abort()
        elif self._head_since is not None:
            if now - self._head_since > self.limits.header_timeout:
                self._close()
        elif self._waiting_since is not None and now - self._waiting_since > self.limits.keep_alive_timeout:
            # uvicorn's own timer is lost when a body comes to its end after the answer.
            self._close()

    def _close(self) -> None:
        """Once: asyncio (3.11) forgets the TLS session of a transport that is closed twice, and it never ends."""
        if not self.transport.is_closing():
            self.transport.close()

    def _should_upgrade(self) -> bool:
        return False  # there is nothing to upgrade to, and uvicorn would write two lines to say so

    def _finish(self) -> None:
        """The client has closed its half of TLS: it gets what it has asked for and nothing more (RFC 8446 §6.1)."""
        self._is_last = self._answer_is_due()
        if not self._is_last:
            self._close()

    def _answer_is_due(self) -> bool:
        whole = self.conn.their_state not in (h11.IDLE, h11.SEND_BODY)
        return whole and self.cycle is not None and not self._answered()  # type: ignore[redundant-expr]  # None at first

    def _answered(self) -> bool:
        return self.cycle is not None and self.cycle.response_complete  # type: ignore[redundant-expr]  # None at first

    def _note_state(self) -> None:
        """Where the connection stands now: its deadlines and its place in the house."""
        state, now = self.conn.their_state, self.loop.time()
        if state is h11.IDLE:
            self._waiting_since = self._waiting_since or now
            if not self.conn.waits_for_the_first_octet:
                self._head_since = self._head_since or now
            elif self._stage is not Stage.SILENT:
                self._head_since = None
            if self._stage is not Stage.SILENT:
                self._move(Stage.IDLE)
            return
        self._head_since = self._waiting_since = None
        if self._answered():
            self._move(Stage.LEAVING)
        else:
            self._move(Stage.RECEIVING if state is h11.SEND_BODY else Stage.BUSY)

    def _move(self, stage: Stage) -> None:
        if stage is not self._stage:
            self._stage = stage
            self.house.enter(self, stage)

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
