"""Receiving a body: counted, kept aside until it is whole, never parsed meanwhile.

A body above a small size goes to an unnamed temporary file, so that a client which stalls halfway holds neither
memory nor a worker; how many of those may be under way, in all and for one acteur, is bounded.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from typing import IO, Any, Self

from registration.errors import Code, IgcError

Receive = Callable[[], Awaitable[dict[str, Any]]]
_CHUNK = 64 * 1024
_SPOOL = 1024 * 1024


class ClientGoneError(Exception):
    """The client hung up before the end of its message."""


class BigBodies:
    """Counts the big bodies under way."""

    def __init__(self, *, in_all: int, per_acteur: int) -> None:
        """Bounds of both counts."""
        self._in_all = in_all
        self._per_acteur = per_acteur
        self._counts: Counter[str] = Counter()

    @contextmanager
    def one_more(self, acteur: str) -> Generator[None]:
        """Count one for the time of the block; ERR_WS_050 when there are too many."""
        if self._counts.total() >= self._in_all or self._counts[acteur] >= self._per_acteur:
            raise IgcError(Code.BUSY)
        self._counts[acteur] += 1
        try:
            yield
        finally:
            self._counts[acteur] -= 1
            if self._counts[acteur] == 0:
                del self._counts[acteur]


def too_large(max_bytes: int) -> IgcError:
    """The refusal of a body above the limit."""
    return IgcError(Code.TOO_LARGE, limite=f"{max_bytes / 2**20:g} Mio")


class Body:
    """A body on its way in; use as a context manager, the file goes with it."""

    def __init__(self) -> None:
        """Empty, in memory; it moves to an unnamed file when it grows."""
        self._memory = bytearray()
        self._file: IO[bytes] | None = None
        self.size = 0
        self.complete = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    async def receive(self, receive: Receive, limit: int) -> None:
        """Read until the body is complete or longer than ``limit`` bytes; ClientGoneError when the client hangs up."""
        while not self.complete and self.size <= limit:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            self._keep(message.get("body", b""))
            self.complete = not message.get("more_body", False)

    def _keep(self, piece: bytes) -> None:
        self.size += len(piece)
        if self._file is None and self.size > _SPOOL:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 -- closed in __exit__
            self._file.write(self._memory)
            self._memory = bytearray()
        if self._file is None:
            self._memory += piece
        else:
            self._file.write(piece)

    def chunks(self) -> Iterator[bytes]:
        """The body from its beginning, piece by piece."""
        if self._file is None:
            for start in range(0, len(self._memory), _CHUNK):
                yield bytes(self._memory[start : start + _CHUNK])
            return
        self._file.seek(0)
        while piece := self._file.read(_CHUNK):
            yield piece
