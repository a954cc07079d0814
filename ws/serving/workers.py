"""Worker threads by kind of work, and a fair share of each for every sender.

Reading never waits behind writing, which may wait for a lock of the database, nor a small call behind a lot of ten
thousand items, nor anybody behind the crowd of somebody else. Work that waits is dropped when its client hangs up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from enum import Enum
from typing import Any, TypeVar

from registration.errors import Code, IgcError
from runtime.listening.turns import NoTurnError, Shares, Turns
from ws.serving.reception import ClientGoneError, Receive

R = TypeVar("R")

# More would only hand the interpreter's lock to and fro; fewer wait behind two pages of certificates.
_SMALL_WORKERS = 4
_SMALL = Shares(
    in_all=_SMALL_WORKERS, per_key=_SMALL_WORKERS - 1, waiting_in_all=400, waiting_per_key=40, patience=10.0
)


class Kind(Enum):
    """What a thread is taken for."""

    READ = "lecture"
    WRITE = "ecriture"
    BIG = "grand message"


class Workers:
    """Threads and turns of one process; for one event loop."""

    def __init__(self, *, big_workers: int, big_waiting: int, big_waiting_per_key: int) -> None:
        """``big_workers`` messages above the small size are worked on at once, so many more wait."""
        big = Shares(
            in_all=big_workers,
            per_key=max(1, big_workers - 1),
            waiting_in_all=big_waiting,
            waiting_per_key=big_waiting_per_key,
            patience=60.0,
        )
        self._threads = {
            Kind.READ: ThreadPoolExecutor(_SMALL_WORKERS, thread_name_prefix="ws-small"),
            Kind.WRITE: ThreadPoolExecutor(_SMALL_WORKERS, thread_name_prefix="ws-write"),
            Kind.BIG: ThreadPoolExecutor(big_workers, thread_name_prefix="ws-big"),
        }
        self._turns = {
            Kind.READ: Turns(_SMALL),
            Kind.WRITE: Turns(_SMALL),
            Kind.BIG: Turns(big),
        }

    async def run(
        self,
        kind: Kind,
        key: Hashable,
        receive: Receive | None,
        work: Callable[..., R],
        *args: Any,  # noqa: ANN401 -- those of work
    ) -> R:
        """Do the work in a thread when it is the turn of ``key``; ERR_WS_050 when too many wait.

        With ``receive``, whose body is complete, ClientGoneError when the client hangs up before its turn.
        """
        turns = self._turns[kind]
        try:
            if turns.take_now(key):
                return await self._hand_over(kind, key, work, *args)
            held = self._held(kind, key, work, *args)
            return await (held if receive is None else unless_gone(receive, held))
        except NoTurnError as error:
            raise IgcError(Code.BUSY) from error

    def at_once(self, kind: Kind, key: Hashable, work: Callable[[], R]) -> R | None:
        """Do the work here and now when it is the turn of ``key``; None, and nothing done, when others wait.

        For what is shorter than handing it to a thread and back. Nothing else of the loop runs meanwhile.
        """
        if not self._turns[kind].take_now(key):
            return None
        try:
            return work()
        finally:
            self._turns[kind].give_back(key)

    async def _held(self, kind: Kind, key: Hashable, work: Callable[..., R], *args: Any) -> R:  # noqa: ANN401 -- those of the work
        await self._turns[kind].take(key)
        return await self._hand_over(kind, key, work, *args)

    def _hand_over(self, kind: Kind, key: Hashable, work: Callable[..., R], *args: Any) -> asyncio.Future[R]:  # noqa: ANN401 -- those of the work
        """Give a place that was taken to a thread. Whoever waits may leave: it is free when the thread has ended."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[R] = loop.create_future()

        def end(done: Future[R]) -> None:
            self._turns[kind].give_back(key)
            if answer.cancelled():
                return
            error = done.exception()
            if error is None:
                answer.set_result(done.result())
            else:
                answer.set_exception(error)

        def tell(done: Future[R]) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(end, done)

        try:
            self._threads[kind].submit(work, *args).add_done_callback(tell)
        except RuntimeError:  # shut down
            self._turns[kind].give_back(key)
            raise
        return answer

    def shut_down(self) -> None:
        """Let the threads end after what they do now."""
        for threads in self._threads.values():
            threads.shutdown(wait=False)


async def unless_gone(receive: Receive, work: Coroutine[Any, Any, R]) -> R:
    """The work's result; ClientGoneError, and the work is given up, when the client hangs up before its end."""
    task = asyncio.create_task(work)
    gone = asyncio.create_task(_hung_up(receive))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientGoneError
    finally:
        for one in (task, gone):
            one.cancel()


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
