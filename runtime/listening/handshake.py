"""A TLS connection from accept to close: asyncio's own protocol, with less memory and counted while it shakes hands."""

from __future__ import annotations

import asyncio
from asyncio import sslproto
from typing import Any

from runtime.listening.house import House, Stage
from runtime.listening.limits import Limits
from runtime.listening.protocol import BoundedProtocol
from runtime.listening.tls import ServerContext, ServerSession

_ALERT_SECONDS = 1.0  # for a client to read why its handshake failed


class Handshake(sslproto.SSLProtocol):
    """A guest of the house until its handshake is over; from then on ``protocol`` is."""

    # asyncio reads 256 KiB at a time into a buffer of each connection, which idle ones keep; a TLS record has 16 KiB.
    max_size = 32 * 1024
    _sslobj: ServerSession

    def __init__(self, protocol: BoundedProtocol, context: ServerContext, house: House, limits: Limits) -> None:
        """``protocol`` comes into use when the handshake has succeeded. In the running loop."""
        self._house = house
        protocol.arrival = self
        nobody_waits: Any = None
        super().__init__(
            asyncio.get_running_loop(),
            protocol,
            context,
            nobody_waits,
            server_side=True,
            ssl_handshake_timeout=limits.handshake_timeout,  # type: ignore[arg-type]  # any number of seconds
            ssl_shutdown_timeout=limits.write_timeout,
        )

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 -- a transport, as the base class
        """The handshake begins."""
        super().connection_made(transport)
        self._house.enter(self, Stage.ARRIVING)

    def buffer_updated(self, nbytes: int) -> None:
        """As the base class; a failed handshake is not kept for long."""
        failed_before = self._sslobj.failed
        super().buffer_updated(nbytes)
        if self._sslobj.failed and not failed_before:
            self._house.enter(self, Stage.LEAVING)
            self._loop.call_later(_ALERT_SECONDS, self.give_way)

    def connection_lost(self, exc: BaseException | None) -> None:
        """As the base class."""
        self._house.leave(self)
        super().connection_lost(exc)

    def give_way(self) -> None:
        """End at once, see ``Guest``."""
        transport: Any = self._transport
        if transport is not None:
            transport.abort()
