"""The work of a chunk is a fixed number of statements, whatever its size: what the lots live by."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy import event

from batch import tasks
from batch.jobs import install, run_tasks
from registration.policy import LotPolicy
from storage.database import Database
from tests.integration.batch.world import World

_CHUNK_STATEMENTS = 24  # eight of them for the audit trail
_PAGE_STATEMENTS = 24


@contextmanager
def _counted(db: Database) -> Iterator[list[str]]:
    """The statements of a block, without those that begin transactions."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith("BEGIN"):
            statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def test_statements_of_a_chunk_do_not_depend_on_its_size(world: World) -> None:
    world.policy = replace(world.policy, lots=LotPolicy(page_size=400, chunk_size=400, at_once=400))
    install(world.context())
    counts = {}
    for size in (2, 50, 400):
        world.submit(world.forms(size), f"lot of {size}")
        (task,) = world.send()
        with _counted(world.db) as statements:
            run_tasks([[task.id, task.attempt]])
        counts[size] = len(statements)
    assert world.signed() == 452
    assert len(set(counts.values())) == 1, counts
    assert counts[2] <= _CHUNK_STATEMENTS, counts


def test_statements_of_a_page_do_not_depend_on_its_size(world: World) -> None:
    install(world.context())
    counts = {}
    for size in (30, 300):
        world.policy = replace(world.policy, lots=LotPolicy(page_size=size, chunk_size=100, at_once=20))
        install(world.context())
        index = world.submit(world.forms(size), f"lot of {size}")
        (task,) = world.send()
        with _counted(world.db) as statements:
            run_tasks([[task.id, task.attempt]])
        counts[size] = len(statements)
        assert len(world.numeros(index)) == size
        world.work()
    assert len(set(counts.values())) == 1, counts
    assert counts[30] <= _PAGE_STATEMENTS, counts


def test_single_demandes_of_one_job_share_their_statements(world: World) -> None:
    install(world.context())
    counts = {}
    for size in (1, world.policy.window):
        for _ in range(size):
            world.place()
        sent = world.send()
        assert len(sent) == size
        with _counted(world.db) as statements:
            run_tasks([[task.id, task.attempt] for task in sent])
        assert world.outbox() == []
        counts[size] = len(statements)
    assert len(set(counts.values())) == 1, counts


def test_an_idle_or_full_relay_only_reads(world: World) -> None:
    relay = world.relay()
    relay.run_once()
    with _counted(world.db) as statements:
        relay.run_once()
    assert len(statements) == 2
    assert all(statement.startswith("SELECT") for statement in statements)
    # As many rows in flight as the window allows, and one more that waits.
    for _ in range(world.policy.window + 1):
        world.place()
    assert relay.run_once() == world.policy.window
    with _counted(world.db) as statements:
        relay.run_once()
    assert len(statements) == 1
    assert statements[0].startswith("SELECT count")
    assert tasks.release_unclaimed(world.db) == world.policy.window
