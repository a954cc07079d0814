"""Whose turn it is: a fair share of few places for many callers, so that nobody's crowd stands before somebody else.

Callers of one key (an acteur, an address) wait in their own line; the lines take turns. A line has a length, all lines
together have one, and nobody waits longer than a while: what is over that is refused at once, so that the caller can be
told to come again. A caller that leaves gives its place in the line back. For one event loop; no threads here.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass

_Line = deque[asyncio.Future[None]]


class NoTurnError(Exception):
    """Too many wait, or it took too long; nothing was begun."""


@dataclass(frozen=True, kw_only=True)
class Shares:
    """``in_all`` places at a time, of which one key has ``per_key`` at most; the rest waits, so many, so long.

    ``patience`` in seconds.
    """

    in_all: int
    per_key: int
    waiting_in_all: int = 200
    waiting_per_key: int = 20
    patience: float = 10.0


class Turns:
    """Gives the places out, line by line in turn."""

    def __init__(self, places: Shares) -> None:
        """All places are free."""
        self._places = places
        self._taken: Counter[Hashable] = Counter()
        self._lines: OrderedDict[Hashable, _Line] = OrderedDict()
        self._waiting = 0

    @asynccontextmanager
    async def turn(self, key: Hashable) -> AsyncIterator[None]:
        """Hold a place for the time of the block; NoTurnError when none is to be had."""
        await self.take(key)
        try:
            yield
        finally:
            self.give_back(key)

    def take_now(self, key: Hashable) -> bool:
        """Take a place that is to be given back, if there is one for which nobody waits."""
        if self._lines or not self._is_free(key):
            return False
        self._taken[key] += 1
        return True

    async def take(self, key: Hashable) -> None:
        """Take a place that is to be given back; NoTurnError when none is to be had."""
        if self.take_now(key):
            return
        line = self._lines.setdefault(key, deque())
        if len(line) >= self._places.waiting_per_key or self._waiting >= self._places.waiting_in_all:
            self._drop_if_empty(key)
            raise NoTurnError
        called = asyncio.get_running_loop().create_future()
        line.append(called)
        self._waiting += 1
        self._call_next()
        try:
            async with asyncio.timeout(self._places.patience):
                await called
        except BaseException as left:
            self._leave(key, called)
            if isinstance(left, TimeoutError):
                raise NoTurnError from None
            raise

    def _leave(self, key: Hashable, called: asyncio.Future[None]) -> None:
        """Out of the line; a place that was given in this very moment goes to the next."""
        if called.done() and not called.cancelled():
            self.give_back(key)
            return
        line = self._lines.get(key)
        if line is not None and called in line:
            line.remove(called)
            self._waiting -= 1
            self._drop_if_empty(key)

    def give_back(self, key: Hashable) -> None:
        """Let the next one have the place."""
        self._taken[key] -= 1
        if not self._taken[key]:
            del self._taken[key]
        if self._lines:
            self._call_next()

    def _call_next(self) -> None:
        """Fill the free places, one caller of each line after the other; who was called goes behind the others."""
        for key in list(self._lines):
            if self._taken.total() >= self._places.in_all:
                return
            if not self._is_free(key):
                continue
            called = self._lines[key].popleft()
            self._waiting -= 1
            self._lines.move_to_end(key)
            self._drop_if_empty(key)
            self._taken[key] += 1
            called.set_result(None)

    def _is_free(self, key: Hashable) -> bool:
        taken = self._taken
        return taken[key] < self._places.per_key and sum(taken.values()) < self._places.in_all

    def _drop_if_empty(self, key: Hashable) -> None:
        if key in self._lines and not self._lines[key]:
            del self._lines[key]
