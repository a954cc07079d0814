"""Takes connections off a listening socket, no more than there is room for.

In place of asyncio's own accepting, which (3.11) shows nobody the connections whose TLS handshake is not over, and
which writes a thousand tracebacks a second once the process has no descriptor left.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

from runtime.listening.house import House
from runtime.listening.tally import Tally

_AT_ONCE = 64  # accepted before others have their turn
_PAUSE = 0.2  # seconds without accepting when the system has no descriptor left


class Acceptor:
    """Accepts as long as it is open; to the server it looks like an asyncio server."""

    def __init__(
        self, listener: socket.socket, house: House, tally: Tally, take: Callable[[socket.socket], Awaitable[object]]
    ) -> None:
        """``take`` makes a connection of an accepted socket. Begins at once, in the running loop."""
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._house = house
        self._tally = tally
        self._take = take
        self._tasks: set[asyncio.Future[object]] = set()
        self._open = True
        listener.setblocking(False)
        self._resume()

    def close(self) -> None:
        """Accept nothing more."""
        self._open = False
        self._loop.remove_reader(self._listener)

    async def wait_closed(self) -> None:
        """Nothing to wait for."""

    def _resume(self) -> None:
        if self._open:
            self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionAbortedError:
                continue
            except OSError:
                # No descriptor or no memory left in the system. The waiting connection would wake us again at once.
                self._tally.count("connection not accepted, the system has no descriptor left")
                self._house.make_room()
                self._loop.remove_reader(self._listener)
                self._loop.call_later(_PAUSE, self._resume)
                return
            if not self._house.has_room():
                connection.close()
                continue
            connection.setblocking(False)
            task = asyncio.ensure_future(self._take(connection))
            self._tasks.add(task)
            task.add_done_callback(self._taken)

    def _taken(self, task: asyncio.Future[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._tally.count("connection lost while it was accepted")
