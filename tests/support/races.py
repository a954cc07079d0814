"""Two acts that meet: by an order that is made, statement by statement, and many times at the same moment.

A race says what it starts from, its two acts, with what a loser may be told, and what must hold afterwards.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import event

from registration.errors import Code, IgcError
from storage.database import Database
from tests.support.concurrency import lock_waits, together
from tests.support.world import World

_S = TypeVar("_S")
_PATIENCE = 60.0
_CHANGES = ("INSERT", "UPDATE", "DELETE")
FIRST_CHANGE = 0
_STRIDE = 3  # what lies between two changes of an act is mostly reading

Act = Callable[[World, _S], object]


class Outcomes(NamedTuple):
    """What each act gave: its answer, or the code by which it was refused."""

    first: object
    second: object

    @property
    def refused(self) -> list[Code]:
        return [one for one in self if isinstance(one, Code)]


@dataclass(frozen=True)
class Race(Generic[_S]):
    """``prepare`` makes a new situation for a round; ``settled`` asserts what must be and says who came first."""

    name: str
    prepare: Callable[[World, int], _S]
    first: Act[_S]
    second: Act[_S]
    settled: Callable[[World, _S, Outcomes], str]
    told: frozenset[Code] = frozenset()

    def judge(self, world: World, situation: _S, outcomes: Outcomes) -> str:
        assert set(outcomes.refused) <= self.told, outcomes
        return self.settled(world, situation, outcomes)


def _caught(act: Act[_S], world: World, situation: _S) -> object:
    try:
        return act(world, situation)
    except IgcError as refusal:
        return refusal.code


def many_times(race: Race[_S], world: World, rounds: int) -> Counter[str]:
    """Both acts let go at the same moment, in either order of their threads; how often which came first."""
    won: Counter[str] = Counter()
    for rank in range(rounds):
        situation = race.prepare(world, rank)
        acts = [partial(_caught, act, world, situation) for act in (race.first, race.second)]
        results: Sequence[Any] = together(acts if rank % 2 else acts[::-1])
        for result in results:
            if isinstance(result, Exception):
                raise result
        first, second = results if rank % 2 else results[::-1]
        won[race.judge(world, situation, Outcomes(first, second))] += 1
    return won


def behind_statements(race: Race[_S], world: World, *, second_first: bool, places: Sequence[int] | None = None) -> int:
    """Hold one act behind one of its statements while the other goes as far as it can: one in three, or ``places``.

    The place ``FIRST_CHANGE`` is behind the first statement that changes rows. Gives the number of rounds.
    """
    rounds = 0
    for place in places or range(1, 200, _STRIDE):
        situation = race.prepare(world, rounds)
        acts = (race.second, race.first) if second_first else (race.first, race.second)
        one, other = (partial(_caught, act, world, situation) for act in acts)
        outcomes, was_held = _overtake_at(world.db, one, place, other)
        held, overtaking = outcomes
        race.judge(world, situation, Outcomes(*((overtaking, held) if second_first else (held, overtaking))))
        rounds += 1
        if not was_held:
            assert places is None, f"{race.name}: there is no such statement"
            break
    return rounds


def _overtake_at(
    db: Database, first: Callable[[], object], place: int, second: Callable[[], object]
) -> tuple[tuple[object, object], bool]:
    """As ``concurrency.overtake``, behind the ``place``-th statement; False when ``first`` was over before that."""
    watch = _Watch(place)
    event.listen(db.engine, "after_cursor_execute", watch.after)
    try:
        with ThreadPoolExecutor(2) as pool:
            one = pool.submit(watch.watched, first)
            while not (watch.held.wait(0.01) or one.done()):
                pass
            other = pool.submit(second)
            if watch.held.is_set():
                _let_go_as_far_as_it_can(db, other, is_writing=watch.is_writing)
            watch.go_on.set()
            return (one.result(_PATIENCE), other.result(_PATIENCE)), watch.held.is_set()
    finally:
        watch.go_on.set()
        event.remove(db.engine, "after_cursor_execute", watch.after)


class _Watch:
    """Counts the statements of one thread and holds it behind one of them."""

    def __init__(self, place: int) -> None:
        self._place = self._left = place
        self._thread = 0
        self.is_writing = False
        self.held, self.go_on = threading.Event(), threading.Event()

    def watched(self, act: Callable[[], object]) -> object:
        self._thread = threading.get_ident()
        return act()

    def after(self, connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if threading.get_ident() != self._thread or self.held.is_set():
            return
        self._left -= 1
        if statement.lstrip().startswith(_CHANGES) if self._place == FIRST_CHANGE else self._left == 0:
            self.is_writing = not connection.get_execution_options().get("igc_read_only", False)
            self.held.set()
            self.go_on.wait(_PATIENCE)


def _let_go_as_far_as_it_can(db: Database, act: Future[Any], *, is_writing: bool) -> None:
    """Until it is done or waits for a lock; on SQLite one writer waits for the other as soon as there is one."""
    if db.engine.dialect.name == "sqlite":
        if not is_writing:
            act.exception(_PATIENCE)
        return
    with lock_waits(db) as waiting:
        while not act.done() and not waiting():
            threading.Event().wait(0.005)
