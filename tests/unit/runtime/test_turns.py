"""A fair share of few places: in which order callers come, who is refused, and that nothing is lost when they leave."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from runtime.listening.turns import NoTurnError, Shares, Turns

PLACES = Shares(in_all=2, per_key=2, waiting_in_all=6, waiting_per_key=4, patience=5.0)


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Caller:
    """Takes a turn and keeps it until told to leave."""

    def __init__(self, turns: Turns, key: str, order: list[str]) -> None:
        self.done = asyncio.Event()
        self.task = asyncio.create_task(self._call(turns, key, order))

    async def _call(self, turns: Turns, key: str, order: list[str]) -> None:
        async with turns.turn(key):
            order.append(key)
            await self.done.wait()


def test_lines_take_turns_whoever_came_first() -> None:
    async def scene() -> None:
        turns, order = Turns(PLACES), list[str]()
        crowd = [Caller(turns, "crowd", order) for _ in range(6)]
        await settle()
        others = [Caller(turns, "other", order), Caller(turns, "third", order)]
        await settle()
        assert order == ["crowd", "crowd"]
        for caller in (crowd[0], crowd[1]):
            caller.done.set()
            await settle()
        # The crowd's next one was first in its line; then the others come before the rest of it.
        assert order[2:] == ["crowd", "other"]
        crowd[2].done.set()
        await settle()
        assert order[4:] == ["third"]
        for caller in (*crowd, *others):
            caller.done.set()
        await asyncio.gather(*(caller.task for caller in (*crowd, *others)))
        assert sorted(order) == ["crowd"] * 6 + ["other", "third"]

    run(scene())


def test_one_key_never_has_every_place() -> None:
    async def scene() -> None:
        turns, order = Turns(Shares(in_all=3, per_key=2)), list[str]()
        crowd = [Caller(turns, "crowd", order) for _ in range(5)]
        await settle()
        other = Caller(turns, "other", order)
        await settle()
        assert order == ["crowd", "crowd", "other"]
        for caller in (*crowd, other):
            caller.done.set()
        await asyncio.gather(*(caller.task for caller in (*crowd, other)))

    run(scene())


def test_a_line_has_a_length_and_all_lines_have_one() -> None:
    async def scene() -> None:
        turns, order = Turns(PLACES), list[str]()
        crowd = [Caller(turns, "crowd", order) for _ in range(6)]
        await settle()
        with pytest.raises(NoTurnError):
            async with turns.turn("crowd"):
                raise AssertionError
        others = [Caller(turns, name, order) for name in ("a", "b")]
        await settle()
        with pytest.raises(NoTurnError):
            async with turns.turn("c"):
                raise AssertionError
        for caller in (*crowd, *others):
            caller.done.set()
        await asyncio.gather(*(caller.task for caller in (*crowd, *others)))
        async with turns.turn("c"):
            order.append("c")
        assert order[-1] == "c"

    run(scene())


def test_nobody_waits_longer_than_the_patience() -> None:
    async def scene() -> None:
        turns, order = Turns(Shares(in_all=1, per_key=1, patience=0.05)), list[str]()
        first = Caller(turns, "first", order)
        await settle()
        with pytest.raises(NoTurnError):
            async with turns.turn("second"):
                raise AssertionError
        first.done.set()
        await first.task
        async with turns.turn("second"):
            pass

    run(scene())


@pytest.mark.parametrize("leaving", [1, 2, 3])
def test_who_leaves_the_line_costs_nobody_a_place(leaving: int) -> None:
    async def scene() -> None:
        turns, order = Turns(Shares(in_all=1, per_key=1)), list[str]()
        callers = [Caller(turns, str(number), order) for number in range(5)]
        await settle()
        callers[leaving].task.cancel()
        await settle()
        for caller in callers:
            caller.done.set()
        await asyncio.gather(*(caller.task for caller in callers), return_exceptions=True)
        assert order == [str(number) for number in range(5) if number != leaving]

    run(scene())


def test_who_leaves_in_the_moment_of_being_called_gives_the_place_on() -> None:
    async def scene() -> None:
        turns, order = Turns(Shares(in_all=1, per_key=1)), list[str]()
        first, second, third = (Caller(turns, name, order) for name in ("1", "2", "3"))
        await settle()
        first.done.set()
        await asyncio.sleep(0)
        second.task.cancel()
        third.done.set()
        await asyncio.gather(first.task, second.task, third.task, return_exceptions=True)
        assert order[0] == "1"
        assert order[-1] == "3"
        async with turns.turn("4"):
            pass

    run(scene())
