"""Several acts at the same moment: threads that start together, processes of their own, and one held at a statement."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import event, text

from storage.database import Database

_T = TypeVar("_T")
_PATIENCE = 60.0


def together(acts: Sequence[Callable[[], _T]]) -> list[_T | Exception]:
    """Run each act in a thread of its own, all let go at once; gives results and errors in order."""
    barrier = threading.Barrier(len(acts))

    def run(act: Callable[[], _T]) -> _T:
        barrier.wait(_PATIENCE)
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        futures = [pool.submit(run, act) for act in acts]
        return [_outcome(future) for future in futures]


def _outcome(future: Future[Any]) -> Any:
    error = future.exception(_PATIENCE)
    if isinstance(error, Exception):
        return error
    return future.result()


def overtake(db: Database, first: Callable[[], _T], held_after: str, second: Callable[[], Any]) -> tuple[_T, Any]:
    """Hold ``first`` once it has run a statement that contains ``held_after``; let ``second`` go as far as it can.

    ``second`` is either done or waits for a lock of ``first`` when ``first`` goes on: the order that a race needs is
    made, not hoped for. Errors of either are raised.
    """
    held, go_on = threading.Event(), threading.Event()
    names: dict[str, int] = {}

    def after(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if threading.get_ident() == names.get("first") and held_after in statement and not held.is_set():
            held.set()
            go_on.wait(_PATIENCE)

    def run(name: str, act: Callable[[], Any]) -> Any:
        names[name] = threading.get_ident()
        return act()

    event.listen(db.engine, "after_cursor_execute", after)
    try:
        with ThreadPoolExecutor(2) as pool:
            one = pool.submit(run, "first", first)
            if not held.wait(_PATIENCE):
                raise AssertionError(f"no statement with {held_after!r}")
            other = pool.submit(run, "second", second)
            _wait_until_done_or_blocked(db, other)
            go_on.set()
            return one.result(_PATIENCE), other.result(_PATIENCE)
    finally:
        go_on.set()
        event.remove(db.engine, "after_cursor_execute", after)


def _wait_until_done_or_blocked(db: Database, act: Future[Any]) -> None:
    if db.engine.dialect.name == "sqlite":
        return  # There is one writer at a time: whatever ``second`` writes comes after ``first``.
    with lock_waits(db) as waiting:
        while not act.done() and not waiting():
            threading.Event().wait(0.01)


@contextmanager
def lock_waits(db: Database) -> Iterator[Callable[[], bool]]:
    """Asks PostgreSQL whether somebody in this database waits for a lock."""
    query = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        yield lambda: bool(connection.scalar(query))
