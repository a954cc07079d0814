"""Turns to write: in the order of coming, among threads and processes, with a limit, across crash and fork."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from storage.sqlite.turns import SUFFIX, Turns, TurnTimeoutError
from storage.waits import is_busy

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "igc.db"


def _hold(path: Path, has: Event, until: Event) -> None:
    with Turns(path).hold(30):
        has.set()
        until.wait(30)


@contextmanager
def another_process(path: Path) -> Iterator[Event]:
    """One that holds the turn until its event is set."""
    has, until = SPAWN.Event(), SPAWN.Event()
    process = SPAWN.Process(target=_hold, args=(path, has, until))
    process.start()
    try:
        assert has.wait(30)
        yield until
    finally:
        process.kill()
        process.join()


def test_threads_have_it_in_the_order_of_their_coming(path: Path) -> None:
    turns, order = Turns(path), list[int]()

    def take(rank: int) -> None:
        with turns.hold(30):
            order.append(rank)

    threads = [threading.Thread(target=take, args=(rank,)) for rank in range(20)]
    with turns.hold(1):
        for rank, thread in enumerate(threads):
            thread.start()
            while len(turns._waiting) <= rank:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert order == list(range(20))


def test_who_waited_too_long_is_told_as_busy_and_stops_nobody(path: Path) -> None:
    turns, has, until = Turns(path), threading.Event(), threading.Event()

    def keep() -> None:
        with turns.hold(1):
            has.set()
            until.wait(30)

    thread = threading.Thread(target=keep)
    thread.start()
    assert has.wait(30)
    with pytest.raises(TurnTimeoutError) as refused, turns.hold(0.05):
        pass
    assert is_busy(refused.value)
    until.set()
    thread.join()
    with turns.hold(1):
        pass


def test_the_turn_of_another_process_is_waited_for(path: Path) -> None:
    turns = Turns(path)
    with another_process(path) as until:
        with pytest.raises(TurnTimeoutError), turns.hold(0.05):
            pass
        threading.Timer(0.2, until.set).start()
        with turns.hold(30):
            assert until.is_set()
    # The thread that waited for the first of the two is gone, and the lock is ours to give.
    with turns.hold(1), Path(f"{path}{SUFFIX}").open("rb") as beside, pytest.raises(BlockingIOError):
        fcntl.flock(beside, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_nobody_waits_for_a_process_that_was_killed(path: Path) -> None:
    with ExitStack() as stack:
        stack.enter_context(another_process(path))
        threading.Timer(0.2, stack.close).start()
        with Turns(path).hold(30):
            pass


def test_a_child_has_no_turn_and_takes_none_away(path: Path) -> None:
    turns = Turns(path)
    with turns.hold(1):
        child = os.fork()
        if child == 0:
            try:
                with turns.hold(0.1):
                    os._exit(1)
            except TurnTimeoutError:
                os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        with pytest.raises(TurnTimeoutError), Turns(path).hold(0.05):
            pass


def test_where_no_file_can_be_made_it_goes_without(tmp_path: Path) -> None:
    with Turns(tmp_path / "missing" / "igc.db").hold(1):
        pass


def test_closed_it_opens_again(path: Path) -> None:
    turns = Turns(path)
    for _ in range(2):
        with turns.hold(1):
            pass
        turns.close()
