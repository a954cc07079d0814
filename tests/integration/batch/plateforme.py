"""The processes of a plateforme without its canals: relay and workers under the supervisor, and a queue to harm."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import redis

from batch.tasks import release_worker
from runtime.embedded_queue import EmbeddedQueue
from runtime.settings import CONFIG_VARIABLE
from runtime.supervisor import Child, Supervisor
from tests.integration.batch.world import World
from tests.support.queue_server import TcpQueueServer

_WAIT_SECONDS = 60.0


class Queue:
    """A queue server of this test's own: Valkey on a socket for the embedded set, by URL for the other."""

    def __init__(self, folder: Path, service_set: str) -> None:
        self._server: EmbeddedQueue | TcpQueueServer
        if service_set == "embedded":
            self._server = EmbeddedQueue(folder)
        else:
            folder.mkdir()
            self._server = TcpQueueServer(folder)
        self._folder = folder

    @property
    def url(self) -> str:
        return self._server.url

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def kill(self) -> None:
        """SIGKILL, and nothing of its data is left."""
        process = self._server._process
        assert process is not None
        process.kill()
        process.wait()
        self._server._process = None
        for part in self._folder.rglob("*.aof*"):
            part.unlink(missing_ok=True)

    def wipe(self) -> None:
        with redis.Redis.from_url(self.url) as client:
            client.flushall()


class Plateforme:
    """Relay and two workers as processes; a dead one is started again, as in production."""

    def __init__(self, world: World, folder: Path, queue_url: str, **batch: Any) -> None:
        self._world = world
        self._config = settings_toml(world, folder, queue_url, **batch)
        names = ("relais", "worker-1", "worker-2")
        self._supervisor = Supervisor([self._child(name) for name in names], on_death=self._on_death)

    def _child(self, name: str) -> Child:
        verb = ["relay"] if name == "relais" else ["worker", "--name", name]
        return Child(
            name=name, argv=[sys.executable, "-m", "commands", *verb], env={CONFIG_VARIABLE: str(self._config)}
        )

    def _on_death(self, name: str, _pid: int) -> None:
        release_worker(self._world.db, name)

    def __enter__(self) -> Self:
        self._supervisor.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._supervisor.stop()

    def pids(self) -> dict[str, int]:
        return self._supervisor.pids()

    def kill(self, *names: str) -> None:
        """SIGKILL; who is dead at this moment anyway is left alone."""
        for name in names:
            if (pid := self._supervisor.pids().get(name)) is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def wait_for_certificates(self, count: int) -> None:
        wait_until(lambda: self._world.signed() >= count)

    def wait_until_done(self) -> None:
        wait_until(lambda: not self._world.outbox())


def wait_until(reached: Callable[[], bool]) -> None:
    """Fails when it is not reached in time."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while not reached():
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.02)


def settings_toml(world: World, folder: Path, queue_url: str, **batch: Any) -> Path:
    """A settings file in ``folder`` for relay and workers on this world; a password goes to a file beside it."""
    policy = world.policy
    address, password = queue_url, None
    if "@" in queue_url:
        scheme, _, rest = queue_url.partition("://")
        secret, _, host = rest.rpartition("@")
        address, password = f"{scheme}://{host}", secret.removeprefix(":")
    values: dict[str, dict[str, Any]] = {
        "": {"database_url": world.url, "queue_url": address},
        "pki": {
            "authorities_dir": str(world.hierarchy.authorities_dir),
            "keys_dir": str(world.hierarchy.keys_dir),
            "pass_phrase_file": str(world.hierarchy.pass_phrase_file),
        },
        "batch": {
            "workers": 2,
            "chunk_size": policy.lots.chunk_size,
            "page_size": policy.lots.page_size,
            "lease_seconds": 5,
            "max_attempts": 20,
            **batch,
        },
        "logging": {"level": "ERROR"},
    }
    if password is not None:
        secret_file = folder / "queue.secret"
        secret_file.touch(mode=0o600)
        secret_file.write_text(password)
        values[""]["queue_password_file"] = str(secret_file)
    lines = []
    for section, content in values.items():
        lines += [f"[{section}]"] if section else []
        # Strings and numbers of JSON are those of TOML.
        lines += [f"{key} = {json.dumps(value)}" for key, value in content.items()]
    config = folder / "igc.toml"
    config.write_text("\n".join(lines))
    return config
