"""Limits of withdrawals in the hands of relays and workers: whatever the queue does, each is followed, and once."""

from __future__ import annotations

from datetime import timedelta

import redis
from sqlalchemy import update

from batch.queue.jobs import install, keep_limits
from registration.vocabulary import CodeAction, EtatDemande
from storage import tables
from tests.integration.batch.world import BatchWorld
from tests.support.concurrency import together
from tests.support.queue_server import jobs_waiting

_STEPS = [CodeAction.NOT_WITHDRAWN, CodeAction.CERTIFICATE_REVOKED]


def waiting(world: BatchWorld, count: int = 3) -> int:
    """A lot whose certificates wait since ten days."""
    index = world.deposit_fresh(count)
    world.run_round()
    world.clock.stop().advance(days=10)
    return index


def assert_ended_once(world: BatchWorld, index: int) -> None:
    assert set(world.etats(index)) == {EtatDemande.ANNULEE}
    for numero in world.numeros(index):
        assert world.steps(numero)[-2:] == _STEPS
        assert len(world.steps(numero)) == 6


def test_a_relay_that_starts_has_them_followed(world: BatchWorld) -> None:
    index = waiting(world)
    world.run_round()
    assert_ended_once(world, index)


def test_before_their_limit_nothing_is_sent(world: BatchWorld) -> None:
    index = waiting(world)
    world.clock.advance(seconds=-1)
    world.run_round()
    assert set(world.etats(index)) == {EtatDemande.TRANSMISE}


def test_a_wiped_queue_and_doubled_jobs_change_nothing_but_the_hour(world: BatchWorld) -> None:
    index = waiting(world)
    world.relay().run_once()
    with redis.Redis.from_url(world.queue_url) as client:
        client.flushall()
    world.clock.advance(hours=5)
    for _ in range(2):  # two relays, each with its own look at the table
        world.relay().run_once()
    assert jobs_waiting(world.queue_url) >= 2
    world.run_round()
    assert_ended_once(world, index)


def test_two_workers_at_the_same_time(world: BatchWorld) -> None:
    index = waiting(world, 8)
    install(world.context)
    assert together([keep_limits] * 2) == [None, None]
    assert_ended_once(world, index)


def test_what_waited_before_there_was_a_limit_gets_one_when_the_relay_starts(world: BatchWorld) -> None:
    index = waiting(world)
    with world.db.write() as session:
        session.execute(update(tables.Demande).values(limite_retrait=None))
    started = world.clock.now
    world.run_round()
    assert set(world.etats(index)) == {EtatDemande.TRANSMISE}
    assert {row.limite_retrait for row in world.demandes(index)} == {started + timedelta(days=10)}
    world.clock.advance(days=10)
    world.run_round()
    assert_ended_once(world, index)
