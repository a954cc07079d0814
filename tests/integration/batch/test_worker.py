"""The worker as a process: how it ends, what a job that hangs costs, what a broker that goes away does to it."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rq import Callback
from rq import Queue as RqQueue
from rq.job import Job as RqJob
from rq.serializers import JSONSerializer
from sqlalchemy import select, text

from batch.queue.leases import claim, release_unclaimed
from batch.queue.rq import QUEUE_NAME, Job, WorkQueue, connect, read_call
from batch.queue.worker import run_worker
from commands.processes.serve import build_supervisor
from registration.vocabulary import EtatDemande
from runtime.processes.bound import die_with_parent
from runtime.settings.model import Settings
from storage import tables
from storage.database import Database
from tests.integration.batch.world import BatchWorld
from tests.support.assertions import the
from tests.support.processes import wait_until
from tests.support.queue_server import HarmedQueue, jobs_waiting
from tests.support.signers import watched


@pytest.fixture
def workers() -> Iterator[list[int]]:
    """Pids of forked workers; whatever is left of them ends with the test."""
    pids: list[int] = []
    yield pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _fork_worker(world: BatchWorld, workers: list[int], before: Callable[[], None] = lambda: None) -> int:
    """A worker on this world's queue, in a process of its own."""
    world.db.dispose()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            die_with_parent(parent=parent)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            world.db = Database(world.database_url)
            signers = watched(world.hierarchy.signers, lambda _tbs: before())
            run_worker(replace(world.context, signers=signers), connect(world.queue_url))
            os._exit(0)
        finally:
            os._exit(1)
    workers.append(child)
    return child


def _wait(child: int, workers: list[int]) -> int:
    """The exit status of the child, which must end by itself."""
    workers.remove(child)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _claimed(world: BatchWorld) -> bool:
    return any(row.worker == "test-worker" for row in world.outbox())


def test_sigterm_ends_the_running_job_first(world: BatchWorld, workers: list[int]) -> None:
    index = world.deposit_fresh(10)
    child = _fork_worker(world, workers, before=lambda: time.sleep(0.05))
    world.relay().run_once()
    wait_until(lambda: bool(world.values(select(tables.Certificat.id))))
    os.kill(child, signal.SIGTERM)
    assert _wait(child, workers) == 0
    world.assert_complete(index, good=10)


def test_sigterm_ends_an_idle_worker(world: BatchWorld, workers: list[int]) -> None:
    child = _fork_worker(world, workers)
    index = world.deposit_fresh(1)
    world.relay().run_once()
    wait_until(lambda: world.signed() == 1)
    time.sleep(0.1)
    os.kill(child, signal.SIGTERM)
    assert _wait(child, workers) == 0
    world.assert_complete(index, good=1)


def test_a_job_that_hangs_ends_its_process_and_leaves_no_lock(world: BatchWorld, workers: list[int]) -> None:
    """Even inside a C library, where no signal handler of Python runs, and in the middle of a transaction."""
    index = world.deposit_fresh(3)
    (numero, *_) = world.numeros(index)

    def hang() -> None:
        with Database(world.database_url).write() as session:
            session.execute(select(tables.Demande.id).where(tables.Demande.id == numero).with_for_update())
            libc, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(64)
            libc.pthread_mutex_lock(mutex)
            libc.pthread_mutex_lock(mutex)

    world.policy = replace(world.policy, lease_seconds=0.5)
    child = _fork_worker(world, workers, before=hang)
    world.relay().run_once()
    assert _wait(child, workers) == -signal.SIGALRM
    (row,) = world.outbox()
    assert (row.worker, row.attempts) == ("test-worker", 1)
    # The lock went with the process; a worker of the same name takes the row up at once.
    _fork_worker(world, workers)
    wait_until(lambda: not _claimed(world))
    world.relay().run_once()
    wait_until(lambda: not world.outbox())
    world.assert_complete(index, good=3)


@pytest.mark.long
def test_a_worker_outlives_its_broker_even_in_the_middle_of_a_job(
    world: BatchWorld, workers: list[int], tmp_path: Path, service_set: str
) -> None:
    queue = HarmedQueue(tmp_path / "queue", service_set)
    queue.start()
    world.queue_url = queue.url
    try:
        first = world.deposit_fresh(10, reference="first")
        child = _fork_worker(world, workers, before=lambda: time.sleep(0.05))
        world.relay().run_once()
        wait_until(lambda: bool(world.values(select(tables.Certificat.id))))
        queue.kill()
        # The job does not need the broker.
        wait_until(lambda: not world.outbox())
        world.assert_complete(first, good=10)
        queue.start()
        second = world.deposit_fresh(10, reference="second")
        world.relay().run_once()
        wait_until(lambda: not world.outbox())
        world.assert_complete(second, good=10)
        os.kill(child, signal.SIGTERM)
        assert _wait(child, workers) == 0
    finally:
        queue.stop()


def test_a_worker_outlives_a_database_that_is_away(world: BatchWorld, workers: list[int]) -> None:
    """It waits where it stands; what it could not claim comes again, and costs no try."""
    index = world.deposit_fresh(3)
    numero = world.place()
    child = _fork_worker(world, workers)
    world.relay().run_once()
    wait_until(lambda: not world.outbox())
    late = world.deposit_fresh(3, reference="late")
    (task,) = world.send()
    with world.db.write() as session:
        session.execute(text("ALTER TABLE outbox RENAME TO outbox_away"))
    WorkQueue(connect(world.queue_url)).send_tasks([(task.id, task.attempt)], urgent=False)
    wait_until(lambda: jobs_waiting(world.queue_url) == 0)
    time.sleep(0.5)  # it tries in vain, in the middle of its job
    with world.db.write() as session:
        session.execute(text("ALTER TABLE outbox_away RENAME TO outbox"))
    (row,) = world.outbox()
    assert row.attempts == 0
    release_unclaimed(world.db)
    world.relay().run_once()
    wait_until(lambda: not world.outbox())
    world.assert_complete(index, good=3)
    world.assert_complete(late, good=3)
    assert world.certificat(numero).der is not None
    os.kill(child, signal.SIGTERM)
    assert _wait(child, workers) == 0


@pytest.mark.long
def test_a_worker_outlives_an_outage_longer_than_its_jobs(world: BatchWorld, workers: list[int]) -> None:
    """Who waits for the database does not hang: the time of a job does not end a worker that stands still."""
    world.policy = replace(world.policy, lease_seconds=2.0)
    world.deposit_fresh(1, reference="before")
    child = _fork_worker(world, workers)
    world.relay().run_once()
    wait_until(lambda: not world.outbox())
    index = world.deposit_fresh(3)
    (task,) = world.send()
    with world.db.write() as session:
        session.execute(text("ALTER TABLE outbox RENAME TO outbox_away"))
    WorkQueue(connect(world.queue_url)).send_tasks([(task.id, task.attempt)], urgent=False)
    wait_until(lambda: jobs_waiting(world.queue_url) == 0)
    time.sleep(1.5 * world.policy.job_seconds)
    os.kill(child, 0)
    assert os.waitpid(child, os.WNOHANG) == (0, 0)
    with world.db.write() as session:
        session.execute(text("ALTER TABLE outbox_away RENAME TO outbox"))
    (row,) = world.outbox()
    assert row.attempts == 0
    release_unclaimed(world.db)

    def nothing_is_owed() -> bool:
        world.relay().run_once()  # the row may rest for some seconds
        return not world.outbox()

    wait_until(nothing_is_owed)
    world.assert_complete(index, good=3)
    os.kill(child, signal.SIGTERM)
    assert _wait(child, workers) == 0


@pytest.mark.parametrize("table", ["arret", "piste_audit", "outbox"])
def test_a_worker_that_starts_without_its_database_waits_for_it(
    world: BatchWorld, workers: list[int], table: str
) -> None:
    """Dying instead, it would be away for the growing pauses of its supervisor."""
    index = world.deposit_fresh(3)
    with world.db.write() as session:
        session.execute(text(f"ALTER TABLE {table} RENAME TO {table}_away"))
    child = _fork_worker(world, workers)
    time.sleep(1)
    assert os.waitpid(child, os.WNOHANG) == (0, 0)
    with world.db.write() as session:
        session.execute(text(f"ALTER TABLE {table}_away RENAME TO {table}"))
    world.relay().run_once()
    wait_until(lambda: not world.outbox())
    world.assert_complete(index, good=3)
    os.kill(child, signal.SIGTERM)
    assert _wait(child, workers) == 0


def test_sigterm_ends_a_worker_that_waits_for_its_database(world: BatchWorld, workers: list[int]) -> None:
    with world.db.write() as session:
        session.execute(text("ALTER TABLE outbox RENAME TO outbox_away"))
    child = _fork_worker(world, workers)
    time.sleep(0.5)
    os.kill(child, signal.SIGTERM)
    _wait(child, workers)


@pytest.mark.long
def test_a_relay_waits_for_a_broker_and_a_database_that_are_away(
    world: BatchWorld, tmp_path: Path, service_set: str
) -> None:
    queue = HarmedQueue(tmp_path / "queue", service_set)
    world.queue_url = queue.url
    stop = threading.Event()
    relay = threading.Thread(target=world.relay().run, args=(stop,))
    index = world.deposit_fresh(3)
    with world.db.write() as session:
        session.execute(text("ALTER TABLE outbox RENAME TO outbox_away"))
    relay.start()
    try:
        time.sleep(0.2)
        queue.start()
        time.sleep(0.2)
        with world.db.write() as session:
            session.execute(text("ALTER TABLE outbox_away RENAME TO outbox"))
        wait_until(lambda: jobs_waiting(queue.url) == 1)
    finally:
        stop.set()
        relay.join()
        queue.stop()
    (row,) = world.outbox()
    assert row.attempts == 0
    assert {world.demande(numero).etat for numero in world.numeros(index)} == {EtatDemande.VALIDEE.value}


def test_the_supervisor_frees_what_a_dead_worker_held(world: BatchWorld, settings: Settings) -> None:
    world.deposit_fresh(3)
    (task,) = world.send()
    claim(world.db, [(task.id, task.attempt)], "worker-1", world.policy, world.clock())
    supervisor = build_supervisor(settings, None, world.db)
    on_death = supervisor._on_death
    assert on_death is not None
    on_death("relais", 1)
    on_death("worker-2", 1)
    assert world.send() == []
    on_death("worker-1", 1)
    assert [again.id for again in world.send()] == [task.id]


_HARM = [
    pytest.param("os.system", ["true"], {}, id="any function"),
    pytest.param("batch.queue.jobs.install", [None], {}, id="a function of the same module"),
    pytest.param(Job.RUN_TASKS.value, [[["1", 0]]], {}, id="texts for numbers"),
    pytest.param(Job.RUN_TASKS.value, [[[1, 0, 0]]], {}, id="three numbers"),
    pytest.param(Job.RUN_TASKS.value, [[[True, 0]]], {}, id="a truth for a number"),
    pytest.param(Job.SEAL_TRAIL.value, ["argument"], {}, id="an argument too many"),
    pytest.param(Job.PUBLISH_CRLS.value, [], {"on_success": "os.abort"}, id="a callback on success"),
    pytest.param(Job.RUN_TASKS.value, [[]], {"on_failure": "os.abort"}, id="a callback on failure"),
]


@pytest.mark.parametrize(("name", "args", "hangs_on"), _HARM)
def test_the_queue_does_not_choose_what_a_worker_runs(
    world: BatchWorld, workers: list[int], name: str, args: list[Any], hangs_on: dict[str, str]
) -> None:
    """Whoever can write to the broker stands beside the keys of the authorities, and gets nothing done."""
    index = world.deposit_fresh(3)
    queue = RqQueue(QUEUE_NAME, connection=connect(world.queue_url), serializer=JSONSerializer)
    callbacks: dict[str, Any] = {key: Callback(value) for key, value in hangs_on.items()}
    job = queue.enqueue_call(name, args=args, timeout=60, **callbacks)
    assert read_call(job) is None
    child = _fork_worker(world, workers)
    wait_until(lambda: jobs_waiting(world.queue_url) == 0)
    world.relay().run_once()
    wait_until(lambda: not world.outbox())
    world.assert_complete(index, good=3)
    os.kill(child, 0)  # it lives, and the same process did the honest work
    assert not RqJob.exists(job.id, connection=connect(world.queue_url))


def test_our_own_jobs_pass(world: BatchWorld) -> None:
    queue = WorkQueue(connect(world.queue_url))
    queue.send_tasks([(1, 0), (2, 3)], urgent=True)
    queue.send(Job.PUBLISH_CRLS)
    queue.send(Job.SEAL_TRAIL)
    sent = RqQueue(QUEUE_NAME, connection=connect(world.queue_url), serializer=JSONSerializer).jobs
    assert len(sent) == 3
    assert {the(read_call(job))[0] for job in sent} == {Job.RUN_TASKS, Job.PUBLISH_CRLS, Job.SEAL_TRAIL}
