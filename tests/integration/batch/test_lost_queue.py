"""The queue forgets, dies, or is not there: it is only a wake-up call, and nothing is lost or done twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from batch.issuing import demandes as issuing
from batch.queue import leases
from batch.queue.jobs import install, run_tasks
from batch.queue.rq import WorkQueue, connect
from registration.vocabulary import EtatDemande
from storage.database import Database
from tests.integration.batch.plateforme import Plateforme
from tests.integration.batch.world import BatchWorld, Owed
from tests.support.processes import wait_until
from tests.support.queue_server import HarmedQueue, jobs_waiting

_ITEMS = 1_000


@pytest.fixture
def queue(tmp_path: Path, service_set: str) -> Iterator[HarmedQueue]:
    """A queue server that the test may kill; not started."""
    queue = HarmedQueue(tmp_path / "queue", service_set)
    yield queue
    queue.stop()


@pytest.mark.long
def test_a_lot_survives_every_loss_of_the_queue(world: BatchWorld, tmp_path: Path, queue: HarmedQueue) -> None:
    # Accepted while no queue server exists.
    index = world.deposit_fresh(600)
    with Plateforme(world, tmp_path, queue.url) as plateforme:
        wait_until(lambda: len(plateforme.pids()) == 3)
        assert world.signed() == 0
        queue.start()
        plateforme.wait_for_certificates(100)
        queue.wipe()
        plateforme.wait_for_certificates(200)
        before = plateforme.pids()
        queue.kill()
        queue.start()
        plateforme.wait_for_certificates(400)
        queue.wipe()
        plateforme.wait_until_done()
        # Nobody died of it: they waited.
        assert plateforme.pids() == before
    world.assert_complete(index, good=600)


def test_what_lay_in_an_emptied_queue_is_sent_again_and_costs_no_try(world: BatchWorld) -> None:
    index = world.deposit_fresh(10)
    relay = world.relay()
    for _ in range(world.policy.max_attempts + 2):
        assert relay.run_once() == 1
        assert relay.run_once() == 0
        assert jobs_waiting(world.queue_url) == 1
        with redis.Redis.from_url(world.queue_url) as client:
            client.flushall()
        relay = world.relay()  # looks at the queue at once
    (row,) = world.outbox()
    assert row.attempts == 0
    install(world.context)
    run_tasks([[row.id, 0]])
    world.assert_complete(index, good=10)


def test_several_relays_agree_on_whether_the_queue_lost_its_data(world: BatchWorld) -> None:
    first, second = (WorkQueue(connect(world.queue_url)) for _ in range(2))
    assert first.lost_its_data()
    assert [queue.lost_its_data() for queue in (second, first, second)] == [False, False, False]
    with redis.Redis.from_url(world.queue_url) as client:
        client.flushall()
    assert second.lost_its_data()
    assert not first.lost_its_data()


def test_a_job_delivered_twice_is_claimed_once(world: BatchWorld) -> None:
    index = world.deposit_fresh(5)
    (task,) = world.send()
    context = world.context
    assert len(leases.claim(world.db, [(task.id, task.attempt)], "worker-1", world.policy, world.clock())) == 1
    assert leases.claim(world.db, [(task.id, task.attempt)], "worker-2", world.policy, world.clock()) == []
    install(context)
    run_tasks([[task.id, task.attempt]])
    assert {world.demande(numero).etat for numero in world.numeros(index)} == {EtatDemande.VALIDEE.value}


@pytest.mark.long
def test_chunks_signed_by_two_workers_at_the_same_time_give_one_certificate_each(world: BatchWorld) -> None:
    """As when a lease ends while its worker is alive: both run every chunk, with no fence between them."""
    index = world.deposit_fresh(_ITEMS)
    world.register_pages()
    chunks = [(row.id, row.payload["numeros"]) for row in world.outbox()]
    assert sum(len(numeros) for _, numeros in chunks) == _ITEMS
    barrier = threading.Barrier(2, timeout=30)
    counts: list[int] = []

    def work(direction: int) -> None:
        db = Database(world.database_url)
        context = replace(world, db=db).context
        for row, numeros in chunks:
            barrier.wait()
            counts.append(issuing.issue_chunk(context, numeros[::direction], Owed(numeros, [row])))
        db.dispose()

    threads = [threading.Thread(target=work, args=(direction,)) for direction in (1, -1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(counts) == 2 * len(chunks)
    assert sum(counts) == _ITEMS
    world.assert_complete(index, good=_ITEMS)
