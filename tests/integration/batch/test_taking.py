"""When the work of a job is claimed: with the first rows that it writes; before, if it was sent and came to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from batch.issuing import demandes as issuing
from batch.queue import jobs, leases
from batch.queue.jobs import install, run_tasks
from registration.life.outbox import Task
from registration.vocabulary import EtatDemande
from tests.integration.batch.world import BatchWorld
from tests.support.clock import Clock


@contextmanager
def _commits(engine: Engine) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: object) -> None:
        seen.append("COMMIT")

    event.listen(engine, "commit", note)
    try:
        yield seen
    finally:
        event.remove(engine, "commit", note)


def _run(*tasks: Task) -> None:
    run_tasks([[task.id, task.attempt] for task in tasks])


def test_a_single_demande_is_two_transactions_of_its_worker(world: BatchWorld) -> None:
    """Serial and bytes stored, then the certificate: nothing is signed before the first is committed."""
    install(world.context)
    numero = world.place()
    (task,) = world.send()
    with _commits(world.db.engine) as seen:
        _run(task)
    assert len(seen) == 2
    assert world.certificat(numero).emis_le is not None
    assert world.outbox() == []


def test_a_second_delivery_reads_and_does_nothing(world: BatchWorld) -> None:
    install(world.context)
    world.place()
    (task,) = world.send()
    _run(task)
    with _commits(world.db.engine) as seen:
        _run(task)
    assert seen == []


def test_what_another_worker_claims_in_between_is_left_to_it(
    world: BatchWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two demandes in one job; one of the rows is taken between the look and the claim."""
    install(world.context)
    first, second = world.place(), world.place()
    tasks = world.send()
    theirs = tasks[0]
    hand_over: Any = vars(issuing)["hand_over"]

    def late(*args: Any) -> Any:
        leases.claim(world.db, [(theirs.id, theirs.attempt)], "worker-2", world.policy, world.clock())
        return hand_over(*args)

    with monkeypatch.context() as patched:
        patched.setattr(issuing, "hand_over", late)
        _run(*tasks)
    (row,) = world.outbox()
    assert (row.id, row.worker, row.attempts) == (theirs.id, "worker-2", 1)
    mine = second if first in theirs.numeros else first
    assert world.certificat(mine).emis_le is not None
    assert world.signed() == 1
    leases.release_worker(world.db, "worker-2")
    world.run_batch()
    assert world.signed() == 2


def test_what_kills_its_worker_before_the_claim_is_counted_from_the_second_time_on(
    world: BatchWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that dies says nothing: here its memory of the job ends with an exception that nobody handles."""

    class Killed(BaseException):
        pass

    def dies(*_args: object) -> NoReturn:
        raise Killed

    install(world.context)
    index = world.deposit_fresh(1)
    monkeypatch.setattr(issuing, "_prepare", dies)
    tries = []
    for _ in range(world.policy.max_attempts + 1):
        (task,) = world.send()
        tries.append(task.attempt)
        with pytest.raises(Killed):
            _run(task)
        leases.release_worker(world.db, "test-worker")
    assert tries == [0, *range(world.policy.max_attempts)]
    assert world.send() == []
    (numero,) = world.numeros(index)
    assert world.demande(numero).etat == EtatDemande.NON_TRAITEE.value


def test_a_page_that_kills_its_worker_is_given_up_too(world: BatchWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def dies(*_args: object, **_named: object) -> NoReturn:
        raise Killed

    install(world.context)
    index = world.deposit_fresh(30)
    monkeypatch.setattr(jobs, "register_page", dies)
    for _ in range(world.policy.max_attempts + 1):
        (task,) = world.send()
        with pytest.raises(Killed):
            _run(task)
        leases.release_worker(world.db, "test-worker")
    assert world.send() == []
    assert {world.demande(numero).etat for numero in world.numeros(index)} == {EtatDemande.NON_TRAITEE.value}
    assert len(world.numeros(index)) == 30


def test_a_try_that_fails_before_its_claim_is_counted(
    world: BatchWorld, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_args: object) -> NoReturn:
        raise ValueError("a fault of ours")

    install(world.context)
    world.place()
    (task,) = world.send()
    with monkeypatch.context() as patched:
        patched.setattr(issuing, "_prepare", fails)
        _run(task)
    (row,) = world.outbox()
    assert (row.worker, row.attempts, row.envois) == (None, 1, 0)
    assert row.lease_until is not None
    assert row.lease_until > clock()
