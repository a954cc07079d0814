"""The worker as a process: how it ends, what a job that hangs costs, what a broker that goes away does to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import select, text

from batch.queue import connect
from batch.tasks import release_worker
from batch.worker import run_worker
from pki.signers.port import Signer
from registration.vocabulary import EtatDemande
from runtime.bound_process import die_with_parent
from storage import tables
from storage.database import Database
from tests.integration.batch.plateforme import Queue, settings_toml, wait_until
from tests.integration.batch.world import World


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
    (attempts,) = {0}
    assert attempts == 0


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
    """Even inside a call that no Python signal handler could interrupt, and in the middle of a transaction."""
    index = world.submit(world.forms(3))
    (numero, *_) = world.numeros(index)

    def hang() -> None:
        db = Database(world.url)
        with db.write() as session:
            session.execute(select(tables.Demande).where(tables.Demande.id == numero).with_for_update())
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
            time.sleep(600)

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


def test_the_database_is_away_when_a_job_comes(world: World, workers: list[int]) -> None:
    """The worker stays; the row comes again when its lease is over."""
    index = world.submit(world.forms(3))
    with world.db.write() as session:
        session.execute(text("ALTER TABLE outbox RENAME TO outbox_away"))
    child = _fork_worker(world, workers)
    with pytest.raises(Exception, match="outbox"):
        release_worker(world.db, "worker-test")
    assert _wait(child, workers) == 1
    with world.db.write() as session:
        session.execute(text("ALTER TABLE outbox_away RENAME TO outbox"))
    _fork_worker(world, workers)
    world.relay().run_once()
    wait_until(lambda: not world.outbox())
    world.assert_complete(index, good=3)
    assert EtatDemande.TRANSMISE


def test_relay_and_worker_as_the_composition_root_builds_them(world: World, tmp_path: Path) -> None:
    """Fresh interpreters, settings from a file, SIGTERM at the end: nothing on the error output, status 0."""
    config = settings_toml(world, tmp_path, world.queue_url)
    argv = [sys.executable, "-m", "tests.integration.batch.process"]
    processes = [
        subprocess.Popen([*argv, role, str(config), name], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        for role, name in (("relay", "relais"), ("worker", "worker-1"))
    ]
    try:
        index = world.submit(world.forms(30))
        wait_until(lambda: not world.outbox())
    finally:
        for process in processes:
            process.terminate()
    errors = [process.communicate(timeout=30)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert errors == [b"", b""]
    world.assert_complete(index, good=30)
