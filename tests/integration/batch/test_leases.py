"""Who may work on a row of the outbox, until when; what a late worker, a full window or a wrong clock changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import redis

from batch.queue import leases
from batch.queue.jobs import install, run_tasks
from batch.queue.periodic import Schedule
from batch.queue.relay import Relay
from batch.queue.rq import WorkQueue, connect
from registration.life.outbox import Nature, Task
from registration.policy import LotPolicy
from registration.vocabulary import EtatDemande
from tests.integration.batch.world import BatchWorld
from tests.support.clock import Clock
from tests.support.queue_server import jobs_waiting


def _claim(world: BatchWorld, task: Task, worker: str) -> list[Task]:
    return leases.claim(world.db, [(task.id, task.attempt)], worker, world.policy, world.clock())


def test_rows_are_sent_by_rang_then_age_and_jobs_never_above_the_window(world: BatchWorld) -> None:
    world.policy = replace(world.policy, window=4, lots=LotPolicy(page_size=40, chunk_size=10, at_once=20))
    world.deposit_fresh(40, reference="large")
    world.register_pages()
    late = world.place()
    sent = world.send()
    # The first chunks of the lot and the single demande share rang 0, the older row first. Later chunks have the window
    # for themselves: what shares a job is counted apart (``Relay``).
    assert [task.rang for task in sent] == [0, 0, 0, 1, 1, 1, 2]
    assert sent[2].numeros == (late,)
    assert world.send() == []
    _claim(world, sent[0], "worker-1")
    assert world.send() == []


def test_what_comes_in_while_shared_jobs_are_on_their_way_shares_the_next(world: BatchWorld) -> None:
    world.policy = replace(world.policy, window=8, lots=LotPolicy(page_size=40, chunk_size=10, at_once=20))
    install(world.context)
    relay = world.relay()
    for _ in range(2):
        world.place()
        assert relay.run_once() == 1
    for _ in range(3):
        world.place()
        assert relay.run_once() == 0
    (first, _second) = sorted(world.outbox(), key=lambda row: row.id)[:2]
    run_tasks([[first.id, first.attempts]])
    assert relay.run_once() == 3


def test_chunks_are_sent_beside_shared_jobs_and_each_counts_once(world: BatchWorld) -> None:
    world.policy = replace(world.policy, window=4, lots=LotPolicy(page_size=400, chunk_size=10, at_once=400))
    relay = world.relay()
    for _ in range(6):
        world.place()
    assert relay.run_once() == 6
    world.deposit_fresh(60, reference="large")
    assert relay.run_once() == 3


def test_a_lease_that_ended_is_taken_over_and_the_late_worker_does_nothing(world: BatchWorld, clock: Clock) -> None:
    index = world.deposit_fresh(5)
    (task,) = world.send()
    (held,) = _claim(world, task, "worker-1")
    assert held.attempt == 1
    clock.now += timedelta(seconds=world.policy.lease_seconds)
    assert world.send() == []
    clock.now += timedelta(seconds=1)
    (again,) = world.send()
    assert (again.id, again.attempt) == (held.id, 1)
    # Late: its number is the old one, whether it claims or gives back.
    assert _claim(world, task, "worker-1") == []
    (taken,) = _claim(world, again, "worker-2")
    assert taken.attempt == 2
    leases.release(world.db, [(held.id, held.attempt)], clock())
    (row,) = world.outbox()
    assert (row.worker, row.lease_until) == ("worker-2", clock() + timedelta(seconds=world.policy.lease_seconds))
    assert leases.release_worker(world.db, "worker-1") == 0
    assert leases.release_worker(world.db, "worker-2") == 1
    world.run_batch()
    world.assert_complete(index, good=5)


def test_a_late_worker_may_still_finish_what_it_signed(world: BatchWorld, clock: Clock) -> None:
    """Both have the same stored bytes, so that it does not matter whose signature is stored."""
    index = world.deposit_fresh(5)
    (task,) = world.send()
    install(world.context)
    clock.now += timedelta(seconds=world.policy.lease_seconds + 1)
    (again,) = world.send()
    run_tasks([[task.id, task.attempt]])
    run_tasks([[again.id, again.attempt]])
    world.assert_complete(index, good=5)


def test_a_queue_without_workers_costs_no_try(world: BatchWorld, clock: Clock) -> None:
    index = world.deposit_fresh(5)
    for _ in range(world.policy.max_attempts + 3):
        assert len(world.send()) == 1
        clock.now += timedelta(seconds=world.policy.lease_seconds + 1)
    assert {world.demande(numero).etat for numero in world.numeros(index)} == {EtatDemande.VALIDEE.value}
    world.run_batch()
    world.assert_complete(index, good=5)


def test_without_workers_the_queue_does_not_grow_for_days(world: BatchWorld, clock: Clock) -> None:
    numeros = [world.place() for _ in range(world.policy.window)]
    relay = world.relay()
    for _ in range(50):
        relay._next_epoch = 0.0
        relay.run_once()
        clock.now += timedelta(minutes=1)
    assert jobs_waiting(world.queue_url) <= 4 * world.policy.window
    # Then workers come.
    for _ in range(2):
        world.run_round()
    assert world.outbox() == []
    assert world.signed() == len(numeros)


def test_a_job_lost_before_its_claim_comes_again_soon(world: BatchWorld, clock: Clock) -> None:
    """Its worker died, or the broker lost some jobs and not all; the lease of claimed work may be long."""
    world.policy = replace(world.policy, lease_seconds=3_600)
    world.deposit_fresh(5)
    (task,) = world.send()
    clock.now += timedelta(seconds=16)
    (again,) = world.send()
    assert (again.id, again.attempt) == (task.id, 0)
    # Both jobs arrive after all.
    assert len(_claim(world, task, "worker-1")) == 1
    assert _claim(world, again, "worker-2") == []
    clock.now += timedelta(seconds=3_000)
    assert world.send() == []


def test_a_broker_that_is_away_costs_no_try(world: BatchWorld) -> None:
    index = world.deposit_fresh(5)
    nowhere = WorkQueue(connect("redis://127.0.0.1:1/0"))
    relay = Relay(world.db, nowhere, world.policy, world.clock)
    relay._next_epoch = float("inf")  # the broker goes away just after it was looked at
    relay._schedule = Schedule((), world.policy)
    for _ in range(world.policy.max_attempts + 3):
        with pytest.raises(redis.ConnectionError):
            relay.run_once()
    (row,) = world.outbox()
    assert (row.attempts, row.worker) == (0, None)
    world.run_batch()
    world.assert_complete(index, good=5)


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_jumps_by_an_hour_stops_nothing(world: BatchWorld, clock: Clock, hours: int) -> None:
    index = world.deposit_fresh(5)
    (task,) = world.send()
    _claim(world, task, "worker-1")
    clock.now += timedelta(hours=hours)
    # The worker is dead, and nobody noticed.
    world.run_batch()
    world.assert_complete(index, good=5)


def test_a_worker_that_starts_frees_what_its_name_held(world: BatchWorld) -> None:
    """As after a power cut: no supervisor saw it die, and its lease is long."""
    index = world.deposit_fresh(5)
    (task,) = world.send()
    _claim(world, task, "test-worker")
    assert world.send() == []
    world.run_round()  # starts the worker, whose queue is empty
    world.run_round()
    world.assert_complete(index, good=5)


def test_pages_follow_each_other(world: BatchWorld) -> None:
    world.policy = replace(world.policy, lots=LotPolicy(page_size=30, chunk_size=10, at_once=20))
    index = world.deposit_fresh(110)
    install(world.context)
    positions = []
    while pages := [row for row in world.outbox() if row.nature == Nature.REGISTER_PAGE.value]:
        (page,) = pages
        positions.append((page.payload["page"], page.rang, len(world.numeros(index))))
        run_tasks([[page.id, page.attempts]])
        run_tasks([[page.id, page.attempts]])  # delivered twice
    # A page waits for the chunks of the page before the last one registered.
    assert positions == [(0, 0, 0), (1, 0, 30), (2, 0, 60), (3, 3, 90)]
    world.run_batch()
    world.assert_complete(index, good=110)
