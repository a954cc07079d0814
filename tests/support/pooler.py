"""What PgBouncer is by transaction (``pool_mode = transaction``): each transaction goes to another session of the server.

It speaks version 3 of PostgreSQL's protocol on Unix sockets, without COPY. Sessions are given in turn, so that what a
client leaves in one of them is met, or missed, at once.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

_PROTOCOL = 196_608
_PORT = 6432
_NOBODY = 1  # the process that a pooler names in the place of a server's


class _Stream:
    """Messages of one connection: a type, and a body."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._file = connection.makefile("rb")

    def startup(self) -> bytes:
        (length,) = struct.unpack("!I", self._file.read(4))
        return self._file.read(length - 4)

    def read(self) -> tuple[bytes, bytes]:
        kind = self._file.read(1)
        if not kind:
            raise ConnectionError
        (length,) = struct.unpack("!I", self._file.read(4))
        return kind, self._file.read(length - 4)

    def write(self, kind: bytes, body: bytes) -> None:
        self.connection.sendall(kind + struct.pack("!I", len(body) + 4) + body)

    def close(self) -> None:
        self._file.close()
        self.connection.close()


class Pooler:
    """Between clients and one database; ``url`` is where clients connect."""

    def __init__(self, folder: Path, server: Path, user: str, database: str, sessions: int = 2) -> None:
        """``server`` is the folder of the server's socket."""
        self.url = f"postgresql+psycopg://{user}@/{database}?host={folder}&port={_PORT}"
        self._address = (str(server / ".s.PGSQL.5432"), user, database)
        self._told: list[tuple[bytes, bytes]] = []
        self._free = deque(self._session() for _ in range(sessions))
        self._all = list(self._free)
        self._available = threading.Condition()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(folder / f".s.PGSQL.{_PORT}"))
        self._listener.listen()
        self._clients: list[_Stream] = []
        self._threads: list[threading.Thread] = []
        self.transactions = 0

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_error: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for stream in [*self._clients, *self._all]:
            with suppress(OSError):
                stream.connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for stream in [*self._clients, *self._all]:
            stream.close()

    def _session(self) -> _Stream:
        path, user, database = self._address
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(path)
        stream = _Stream(connection)
        words = ("user", user, "database", database, "client_encoding", "UTF8")
        body = struct.pack("!I", _PROTOCOL) + b"".join(word.encode() + b"\0" for word in words) + b"\0"
        connection.sendall(struct.pack("!I", len(body) + 4) + body)
        told = []
        while True:
            kind, body = stream.read()
            if kind == b"E":
                raise ConnectionError(body)
            if kind == b"S":
                told.append((kind, body))
            if kind == b"Z":
                self._told = told
                return stream

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                client = _Stream(connection)
                self._clients.append(client)
                self._start(self._serve, client)

    def _serve(self, client: _Stream) -> None:
        with suppress(OSError, ConnectionError, struct.error, ValueError):
            client.startup()
            client.write(b"R", struct.pack("!I", 0))
            for kind, body in self._told:
                client.write(kind, body)
            client.write(b"K", struct.pack("!II", _NOBODY, 0))
            client.write(b"Z", b"I")
            while self._transaction(client):
                pass

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _transaction(self, client: _Stream) -> bool:
        kind, body = client.read()
        if kind == b"X":
            return False
        with self._available:
            self._available.wait_for(lambda: self._free)
            session = self._free.popleft()
        self.transactions += 1
        try:
            while True:
                session.write(kind, body)
                if kind in {b"Q", b"S"} and self._answer(session, client) == b"I":
                    return True
                kind, body = client.read()
        finally:
            with self._available:
                self._free.append(session)
                self._available.notify()

    def _answer(self, session: _Stream, client: _Stream) -> bytes:
        while True:
            kind, body = session.read()
            client.write(kind, body)
            if kind == b"Z":
                return body
