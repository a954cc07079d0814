"""Waiting for a lot to change without holding a thread: one thread of the process listens for all who wait.

It lives as long as anybody waits. What it hears is that something was committed; one query then says which of the lots
have changed. A look once in a while stands in where nothing is heard.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial

import structlog

from registration.ports import AuthorityPort

log = structlog.get_logger()
_BETWEEN_LOOKS = 0.2  # seconds, however often somebody commits
_UNTOLD_LOOK = 2.0  # seconds between two looks when nothing is heard
_LISTEN = 0.5  # seconds until a call that came meanwhile, or the end of the server, is seen
_LINGER = 10.0  # seconds that the thread stays when nobody waits: most come again

Marks = Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Watched:
    """A lot and who waits for it, by id."""

    acteur: str
    index: int


@dataclass(eq=False, slots=True)
class _Waiter:
    """One call that waits: its lot was as ``mark`` when it was read; ``changed`` is done when it is no more."""

    mark: str
    changed: asyncio.Future[None]
    stopping: Callable[[], bool]

    def tell(self) -> None:
        if not self.changed.done():
            self.changed.set_result(None)


def _hand_over(loop: asyncio.AbstractEventLoop, work: Callable[[], None]) -> bool:
    """Have the loop do it; False when it is closed: nobody waits any more."""
    try:
        loop.call_soon_threadsafe(work)
    except RuntimeError:
        return False
    return True


class LotWatcher:
    """Who waits for which lots; for one event loop."""

    def __init__(self, authority: AuthorityPort, *, max_watches: int, per_acteur: int) -> None:
        """Beyond so many pairs of acteur and lot, in all and of one acteur, nobody waits."""
        self._authority = authority
        self._max_watches = max_watches
        self._per_acteur = per_acteur
        self._waiters: dict[Watched, set[_Waiter]] = {}
        self._stop = threading.Event()
        # Between the loop and the thread: which lots, and whether the thread is there to look at them.
        self._lock = threading.Lock()
        self._lots: tuple[int, ...] = ()
        self._arrivals = 0
        self._wanted = 0.0
        self._listens = False

    async def wait(self, watched: Watched, mark: str, seconds: float, stopping: Callable[[], bool]) -> bool:
        """Whether the lot is no longer as ``mark``; False when the time is over, or there is no room to wait in.

        True, too, when nobody can tell any more, and when the server stops: the caller looks for himself.
        """
        if not self._has_room(watched):
            return False
        loop = asyncio.get_running_loop()
        waiter = _Waiter(mark, loop.create_future(), stopping)
        self._waiters.setdefault(watched, set()).add(waiter)
        try:
            async with asyncio.timeout(seconds):
                self._see_to_the_thread(loop)
                await waiter.changed
        except TimeoutError:
            return False
        else:
            return True
        finally:
            self._leave(watched, waiter)

    def close(self) -> None:
        """Nobody waits any more; the thread ends within a moment."""
        self._stop.set()

    def _has_room(self, watched: Watched) -> bool:
        if watched in self._waiters:
            return True
        of_acteur = sum(other.acteur == watched.acteur for other in self._waiters)
        return len(self._waiters) < self._max_watches and of_acteur < self._per_acteur

    def _leave(self, watched: Watched, waiter: _Waiter) -> None:
        waiters = self._waiters[watched]
        waiters.discard(waiter)
        if not waiters:
            del self._waiters[watched]
            with self._lock:
                self._lots = self._watched_lots()

    def _watched_lots(self) -> tuple[int, ...]:
        return tuple({watched.index for watched in self._waiters})

    def _see_to_the_thread(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            self._lots = self._watched_lots()
            self._arrivals += 1
            if self._listens or self._stop.is_set():
                return
            self._listens = True
        threading.Thread(target=self._listen, args=(loop,), name="ws-wait").start()

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """The thread. What changed before somebody came is told by the look that comes after he has come."""
        changes = self._authority.changes(self._stop)
        met, looked = 0, 0.0
        try:
            while self._is_wanted():
                heard = changes.wait(_LISTEN)
                with self._lock:
                    lots, arrivals = self._lots, self._arrivals
                now = time.monotonic()
                marks: Marks | None = {}
                if lots and (heard or arrivals != met or now - looked >= _UNTOLD_LOOK):
                    met, looked = arrivals, now
                    marks = self._look(lots)
                if not _hand_over(loop, partial(self._compare, marks)):
                    return
                if marks != {}:
                    self._stop.wait(_BETWEEN_LOOKS)
        finally:
            changes.close()

    def _is_wanted(self) -> bool:
        """Whether anybody waits, or did a while ago."""
        now = time.monotonic()
        with self._lock:
            if self._lots:
                self._wanted = now
            self._listens = not self._stop.is_set() and now - self._wanted < _LINGER
            return self._listens

    def _look(self, lots: Collection[int]) -> Marks | None:
        try:
            return self._authority.lots.marks(lots)
        except Exception as error:  # noqa: BLE001 -- told by the calls that follow the waits
            log.warning("lots that are waited for cannot be looked at", why=type(error).__name__)
            return None

    def _compare(self, marks: Marks | None) -> None:
        for watched, waiters in self._waiters.items():
            for waiter in waiters:
                unknown = marks is None or self._stop.is_set() or waiter.stopping()
                if unknown or (marks or {}).get(watched.index, waiter.mark) != waiter.mark:
                    waiter.tell()
