"""The HTTP and TLS front of both canals: serves one ASGI application on one address, with bounded patience.

No domain words, and no opinion about who the client is: the peer certificate is only handed on
(``scope["state"]["peer_certificate_der"]``).
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Generator
from functools import cached_property
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from runtime.listening.acceptor import Acceptor
from runtime.listening.handshake import Handshake
from runtime.listening.house import House, Stage
from runtime.listening.limits import Limits
from runtime.listening.memory import Trimmer
from runtime.listening.protocol import PEER_CERTIFICATE, BoundedProtocol
from runtime.listening.shortcut import Shortcut, ShortcutProtocol
from runtime.listening.tally import Tally
from runtime.listening.tls import ServerContext, server_ssl_context

__all__ = ["PEER_CERTIFICATE", "STOPPING", "HttpServer", "Limits", "server_ssl_context"]

STOPPING = "stopping"
"""Key of ``scope["state"]``: a callable, True once the server is to stop; for answers that wait."""

_TICK_SECONDS = 0.5
_UVICORN_TICKS = 5  # its own are of 0.1 s: it counts them to renew the Date of answers every second


class HttpServer:
    """One listener. ``ssl_context`` None means plain HTTP: loopback only, ValueError otherwise.

    ``run()`` for a process of its own (SIGTERM and SIGINT end it gracefully), ``serve()`` inside a running loop,
    ``in_thread()`` as a context manager. ``reuse_port`` lets several processes share the address;
    ``shortcut`` answers requests whose head it knows by heart.
    """

    def __init__(
        self,
        app: Callable[..., Any],
        host: str,
        port: int,
        *,
        ssl_context: ServerContext | None = None,
        limits: Limits | None = None,
        reuse_port: bool = False,
        shortcut: Shortcut | None = None,
    ) -> None:
        """Keep the parts; nothing is bound yet. Port 0 lets the system choose."""
        if ssl_context is None and host not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError("plain HTTP is served on loopback only")
        self._limits = limits or Limits()
        self._address = (host, port)
        self._reuse_port = reuse_port
        tally = Tally()
        parts = {"limits": self._limits, "tally": tally, "house": House(self._limits, tally), "shortcut": shortcut}
        base = BoundedProtocol if shortcut is None else ShortcutProtocol
        protocol: type[BoundedProtocol] = type("Protocol", (base,), parts)
        config = uvicorn.Config(
            app,
            http=protocol,
            ws="none",
            loop="asyncio",
            interface="asgi3",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=self._limits.keep_alive_timeout,
            timeout_graceful_shutdown=self._limits.graceful_stop,
        )
        self._server = _Server(config, protocol, ssl_context)

    @cached_property
    def _socket(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        # asyncio turns Nagle's algorithm off only for sockets that name their protocol; with it, an answer in two
        # segments waits 40 ms for the client's delayed acknowledgement.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if self._reuse_port:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listener.bind(self._address)
            listener.listen(self._limits.backlog)
        except OSError:
            listener.close()
            raise
        return listener

    @property
    def port(self) -> int:
        """The port listened on; binds the address if that was not done yet (OSError when it is taken)."""
        return int(self._socket.getsockname()[1])

    def run(self) -> None:
        """Serve until SIGTERM, SIGINT or ``stop``; requests in hand are finished within ``graceful_stop`` seconds."""
        self._server.run(sockets=[self._socket])

    async def serve(self) -> None:
        """The same inside a running loop."""
        await self._server.serve(sockets=[self._socket])

    def stop(self) -> None:
        """Ask for the graceful end, from any thread."""
        self._server.end()

    @contextlib.contextmanager
    def in_thread(self) -> Generator[int]:
        """Serve from a thread for the time of a ``with`` block; gives the port."""
        port = self.port
        thread = threading.Thread(target=self.run, name=f"http-{port}")
        thread.start()
        try:
            yield port  # the socket listens already: an early client waits in the backlog
        finally:
            self.stop()
            thread.join()


class _Server(uvicorn.Server):
    """uvicorn's server with an acceptor that counts, one timer for all deadlines, and no signal sent again."""

    def __init__(self, config: uvicorn.Config, protocol: type[BoundedProtocol], tls: ServerContext | None) -> None:
        super().__init__(config)
        self._protocol = protocol
        self._tls = tls
        self._trimmer = Trimmer()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = asyncio.Event()

    def end(self) -> None:
        """Ask for the graceful end, from any thread or a signal's handler; the loop hears it at once."""
        self.should_exit = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: it has ended
                self._loop.call_soon_threadsafe(self._ended.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then listen on the given sockets."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            raise SystemExit(STARTUP_FAILURE)
        self.lifespan.state[STOPPING] = lambda: self.should_exit
        house, tally = self._protocol.house, self._protocol.tally
        acceptors: list[Any] = [Acceptor(listener, house, tally, self._take) for listener in sockets or []]
        self.servers = acceptors
        self.started = True

    async def _take(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        await loop.connect_accepted_socket(self._new_connection, connection)

    def _new_connection(self) -> asyncio.BaseProtocol:
        loop = asyncio.get_running_loop()
        protocol = self._protocol(self.config, self.server_state, self.lifespan.state, loop)
        if self._tls is None:
            return protocol
        return Handshake(protocol, self._tls, protocol.house, protocol.limits)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn; what is still open after ``graceful_stop`` is cut, and a handshake at once."""
        for guest in self._protocol.house.guests(Stage.ARRIVING):
            guest.give_way()
        await super().shutdown(sockets)
        for connection in tuple(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)  # let the loop close them
        self._protocol.tally.tell_rest()

    async def main_loop(self) -> None:
        """As uvicorn, with one tick for its five, so that a listener at rest hardly wakes; the end does not wait."""
        self._loop = asyncio.get_running_loop()
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += _UVICORN_TICKS
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK_SECONDS):
                    await self._ended.wait()

    async def on_tick(self, counter: int) -> bool:
        """As uvicorn; the deadlines of all connections are looked at."""
        now = asyncio.get_running_loop().time()
        for connection in tuple(self.server_state.connections):
            if isinstance(connection, BoundedProtocol):
                connection.check(now)
        self._protocol.tally.tell(now)
        self._trimmer.look(len(self._protocol.house), now)
        return await super().on_tick(counter)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """SIGTERM and SIGINT end the loop; unlike uvicorn the signal is not raised again, so that callers can tidy."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def handle(number: int, frame: FrameType | None) -> None:
            self.handle_exit(number, frame)
            self.end()

        handlers = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
