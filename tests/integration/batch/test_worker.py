"""The worker as a process: how it ends, what a job that hangs costs, what a broker that goes away does to it."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from rq.registry import FailedJobRegistry
from sqlalchemy import select, text

from batch.queue import QUEUE_NAME, WorkQueue, connect
from batch.tasks import claim, release_unclaimed
from batch.worker import run_worker
from commands.serve import build_supervisor
from pki.signers.port import Signer
from registration.vocabulary import EtatDemande
from runtime.bound_process import die_with_parent
from runtime.settings import Settings
from storage import tables
from storage.database import Database
from tests.integration.batch.plateforme import Queue, wait_until
from tests.integration.batch.world import World, jobs_waiting


@dataclass
class SlowSigner:
    """A real signer; every signature is preceded by ``before``."""

    inner: Signer
    before: Callable[[], None]

    @property
    def authority(self) -> str:
        return self.inner.authority

    @property
    def public_key(self) -> rsa.RSAPublicKey:
        return self.inner.public_key

    def sign(self, tbs: bytes) -> bytes:
        self.before()
        return self.inner.sign(tbs)


@pytest.fixture
def workers() -> Iterator[list[int]]:
    """Pids of forked workers; whatever is left of them ends with the test."""
    pids: list[int] = []
    yield pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _fork_worker(world: World, workers: list[int], before: Callable[[], None] = lambda: None) -> int:
    """A worker on this world's queue, in a process of its own."""
    world.db.dispose()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            die_with_parent(parent=parent)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            world.db = Database(world.url)
            signers = {name: SlowSigner(signer, before) for name, signer in world.hierarchy.signers.items()}
            run_worker(world.context(signers=signers), connect(world.queue_url))
            os._exit(0)
        finally:
            os._exit(1)
    workers.append(child)
    return child


def _wait(child: int, workers: list[int]) -> int:
    """The exit status of the child, which must end by itself."""
    workers.remove(child)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _claimed(world: World) -> bool:
    return any(row.worker == "worker-test" for row in world.outbox())


def test_sigterm_ends_the_running_job_first(world: World, workers: list[int]) -> None:
    index = world.submit(world.forms(10))
    child = _fork_worker(world, workers, before=lambda: time.sleep(0.05))
    world.relay().run_once()
    wait_until(lambda: bool(world.values(select(tables.Certificat.id))))
    os.kill(child, signal.SIGTERM)
    assert _wait(child, workers) == 0
    world.assert_complete(index, good=10)


def test_sigterm_ends_an_idle_worker(world: World, workers: list[int]) -> None:
    child = _fork_worker(world, workers)
    index = world.submit(world.forms(1))
    world.relay().run_once()
    wait_until(lambda: world.signed() == 1)
    time.sleep(0.1)
    os.kill(child, signal.SIGTERM)
    assert _wait(child, workers) == 0
    world.assert_complete(index, good=1)


def test_a_job_that_hangs_ends_its_process_and_leaves_no_lock(world: World, workers: list[int]) -> None:
    """Even inside a C library, where no signal handler of Python runs, and in the middle of a transaction."""
    index = world.submit(world.forms(3))
    (numero, *_) = world.numeros(index)

    def hang() -> None:
        with Database(world.url).write() as session:
            session.execute(select(tables.Demande.id).where(tables.Demande.id == numero).with_for_update())
            libc, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(64)
            libc.pthread_mutex_lock(mutex)
            libc.pthread_mutex_lock(mutex)

    child = _fork_worker(world, workers, before=hang)
    world.relay(job_timeout=1).run_once()
    assert _wait(child, workers) == -signal.SIGALRM
    (row,) = world.outbox()
    assert (row.worker, row.attempts) == ("worker-test", 1)
    # The lock went with the process; a worker of the same name takes the row up at once.
    _fork_worker(world, workers)
    wait_until(lambda: not _claimed(world))
    world.relay().run_once()
    wait_until(lambda: not world.outbox())
    world.assert_complete(index, good=3)


def test_a_worker_outlives_its_broker_even_in_the_middle_of_a_job(
    world: World, workers: list[int], tmp_path: Path, service_set: str
) -> None:
    queue = Queue(tmp_path / "queue", service_set)
    queue.start()
    world.queue_url = queue.url
    try:
        first = world.submit(world.forms(10), "first")
        child = _fork_worker(world, workers, before=lambda: time.sleep(0.05))
        world.relay().run_once()
        wait_until(lambda: bool(world.values(select(tables.Certificat.id))))
        queue.kill()
        # The job does not need the broker.
        wait_until(lambda: not world.outbox())
        world.assert_complete(first, good=10)
        queue.start()
        second = world.submit(world.forms(10), "second")
        world.relay().run_once()
        wait_until(lambda: not world.outbox())
        world.assert_complete(second, good=10)
        os.kill(child, signal.SIGTERM)
        assert _wait(child, workers) == 0
    finally:
        queue.stop()


def test_a_worker_outlives_a_database_that_is_away(world: World, workers: list[int]) -> None:
    """What it could not claim comes again when the lease is over; it costs no try."""
    index = world.submit(world.forms(3))
    numero = world.place()
    child = _fork_worker(world, workers)
    world.relay().run_once()
    wait_until(lambda: not world.outbox())
    late = world.submit(world.forms(3), "late")
    (task,) = world.send()
    with world.db.write() as session:
        session.execute(text("ALTER TABLE outbox RENAME TO outbox_away"))
    WorkQueue(connect(world.queue_url), job_timeout=60).send_tasks([(task.id, task.attempt)], urgent=False)
    wait_until(lambda: FailedJobRegistry(QUEUE_NAME, connection=connect(world.queue_url)).count == 1)
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


def test_a_relay_waits_for_a_broker_and_a_database_that_are_away(
    world: World, tmp_path: Path, service_set: str
) -> None:
    queue = Queue(tmp_path / "queue", service_set)
    world.queue_url = queue.url
    stop = threading.Event()
    relay = threading.Thread(target=world.relay().run, args=(stop,))
    index = world.submit(world.forms(3))
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


def test_the_supervisor_frees_what_a_dead_worker_held(world: World, settings: Settings) -> None:
    world.submit(world.forms(3))
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
