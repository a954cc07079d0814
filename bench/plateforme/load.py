"""The same call again and again over some kept connections, from a process of its own."""

from __future__ import annotations

import multiprocessing
import selectors
import time
from dataclasses import dataclass
from typing import Self

from bench.plateforme.http import Client, receive

_OK = 200


@dataclass(frozen=True, slots=True)
class Load:
    """Calls of one window: how many a second."""

    calls: int
    seconds: float

    @property
    def per_second(self) -> float:
        """The rate."""
        return self.calls / self.seconds


class Asker:
    """A process that asks, started once for the time of a ``with`` block."""

    def __init__(self, connections: int) -> None:
        """So many connections at once."""
        self._connections = connections
        self._pool = multiprocessing.get_context("spawn").Pool(1)

    def ask(self, client: Client, body: bytes, seconds: float) -> Load:
        """Ask again and again; RuntimeError for an answer other than 200."""
        return Load(*self._pool.apply(_ask, (client, body, self._connections, seconds)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._pool.terminate()
        self._pool.join()


def _ask(client: Client, body: bytes, connections: int, seconds: float) -> tuple[int, float]:
    message = client.message(body)
    opened = [client.open() for _ in range(connections)]
    done = 0
    with selectors.DefaultSelector() as selector:
        for connection in opened:
            selector.register(connection, selectors.EVENT_READ, connection)
        start = time.perf_counter()
        for connection in opened:
            connection.sendall(message)
        while time.perf_counter() - start < seconds:
            for key, _ in selector.select(1):
                status, content = receive(key.data)
                if status != _OK:
                    raise RuntimeError(content[:500].decode("utf-8", "replace"))
                done += 1
                key.data.sendall(message)
        elapsed = time.perf_counter() - start
    for connection in opened:
        connection.close()
    return done, elapsed
