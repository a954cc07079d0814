"""Waiting for a lot to change without holding a thread: one poll per lot and acteur, however many wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from registration.values import Acteur
from registration.views import LotFollowUp


@dataclass(frozen=True)
class Watched:
    """A lot as its follower names it: by index or by his own reference."""

    acteur: Acteur
    index: int | None
    reference: str | None


@dataclass
class _Watch:
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    version: str | None = None
    over: bool = False
    users: int = 0
    task: asyncio.Task[None] | None = None


class LotWatcher:
    """``follow`` reads the lot; an error of it ends the wait, so that the call that follows tells it."""

    def __init__(
        self,
        follow: Callable[[Watched], Awaitable[LotFollowUp]],
        *,
        interval: float,
        max_watches: int,
    ) -> None:
        """``interval`` in seconds between two looks; beyond ``max_watches`` lots nobody waits any more."""
        self._follow = follow
        self._interval = interval
        self._max_watches = max_watches
        self._watches: dict[Watched, _Watch] = {}

    async def wait(self, watched: Watched, known: str, seconds: float, stopping: Callable[[], bool]) -> None:
        """Return when the lot's version is no longer ``known``, the time is over, or the server stops."""
        watch = self._watches.get(watched)
        if watch is None:
            if len(self._watches) >= self._max_watches:
                return
            watch = self._watches[watched] = _Watch()
            watch.task = asyncio.create_task(self._poll(watched, watch))
        watch.users += 1
        try:
            async with asyncio.timeout(seconds), watch.changed:
                await watch.changed.wait_for(lambda: watch.over or watch.version not in (None, known) or stopping())
        except TimeoutError:
            pass
        finally:
            watch.users -= 1
            if watch.users == 0 and self._watches.get(watched) is watch:
                del self._watches[watched]
                if watch.task is not None:
                    watch.task.cancel()

    async def _poll(self, watched: Watched, watch: _Watch) -> None:
        try:
            while True:
                watch.version = (await self._follow(watched)).version
                async with watch.changed:
                    watch.changed.notify_all()
                await asyncio.sleep(self._interval)
        except Exception:  # noqa: BLE001  # told by the call that follows the wait
            watch.over = True
            async with watch.changed:
                watch.changed.notify_all()
