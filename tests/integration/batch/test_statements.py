"""The work of a chunk is a fixed number of statements, whatever its size: what the lots live by."""

from __future__ import annotations

from dataclasses import replace

import pytest

from batch.queue import leases
from batch.queue.jobs import install, run_tasks
from registration.policy import LotPolicy
from tests.integration.batch.world import BatchWorld
from tests.support.databases import statements

# Eight of them for the audit trail, four keep the counts of lots, two ask whether the plateforme is stopped. On PostgreSQL
# one wakes the relay, and one a transaction those who wait for a lot. The claim is no transaction of its own, for one more
# look at the rows. Of a page, one asks which products are closed, and one tells of which structures its lot has demandes.
_CHUNK_STATEMENTS = 33
_PAGE_STATEMENTS = 26


@pytest.mark.long
def test_statements_of_a_chunk_do_not_depend_on_its_size(world: BatchWorld) -> None:
    world.policy = replace(world.policy, lots=LotPolicy(page_size=400, chunk_size=400, at_once=400))
    install(world.context)
    counts = {}
    for size in (2, 50, 400):
        world.deposit_fresh(size, reference=f"lot of {size}")
        (task,) = world.send()
        with statements(world.db.engine) as sent:
            run_tasks([[task.id, task.attempt]])
        counts[size] = len(sent)
    assert world.signed() == 452
    assert len(set(counts.values())) == 1, counts
    assert counts[2] <= _CHUNK_STATEMENTS, counts


def test_statements_of_a_page_do_not_depend_on_its_size(world: BatchWorld) -> None:
    install(world.context)
    counts = {}
    for size in (30, 300):
        world.policy = replace(
            world.policy, lots=LotPolicy(page_size=size, first_page=size, chunk_size=300, at_once=20)
        )
        install(world.context)
        index = world.deposit_fresh(size, reference=f"lot of {size}")
        (task,) = world.send()
        with statements(world.db.engine) as sent:
            run_tasks([[task.id, task.attempt]])
        counts[size] = len(sent)
        assert len(world.numeros(index)) == size
        world.run_batch()
    assert len(set(counts.values())) == 1, counts
    assert counts[30] <= _PAGE_STATEMENTS, counts


def test_single_demandes_of_one_job_share_their_statements(world: BatchWorld) -> None:
    install(world.context)
    counts = {}
    for size in (1, world.policy.window):
        for _ in range(size):
            world.place()
        tasks = world.send()
        assert len(tasks) == size
        with statements(world.db.engine) as sent:
            run_tasks([[task.id, task.attempt] for task in tasks])
        assert world.outbox() == []
        counts[size] = len(sent)
    assert len(set(counts.values())) == 1, counts


def test_an_idle_or_full_relay_only_reads(world: BatchWorld) -> None:
    relay = world.relay()
    relay.run_once()
    with statements(world.db.engine) as sent:
        relay.run_once()
    assert len(sent) == 1
    assert all(statement.startswith("SELECT") for statement in sent)
    # As many shared jobs in flight as there may be, and one demande that waits for the next.
    world.policy = replace(world.policy, lots=LotPolicy(page_size=400, chunk_size=5, at_once=400))
    relay = world.relay()
    for _ in range(11):
        world.place()
    assert relay.run_once() == 10
    with statements(world.db.engine) as sent:
        relay.run_once()
    assert len(sent) == 3
    assert all(statement.startswith("SELECT") for statement in sent)
    assert leases.release_unclaimed(world.db) == 10
