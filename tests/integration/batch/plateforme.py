"""The processes of a plateforme without its canals: relay and workers under the supervisor."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from batch.queue.leases import release_worker
from runtime.processes.supervisor import Child, Supervisor
from runtime.settings.model import CONFIG_VARIABLE
from tests.integration.batch.world import BatchWorld
from tests.support.processes import wait_until
from tests.support.verbs import write_settings


class Plateforme:
    """Relay and two workers as processes; a dead one is started again, as in production."""

    def __init__(self, world: BatchWorld, folder: Path, queue_url: str, **batch: Any) -> None:
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
        wait_until(lambda: self._world.signed() >= count, what=f"{count} certificates")

    def wait_until_done(self) -> None:
        wait_until(lambda: not self._world.outbox(), what="the end of all work")


def settings_toml(world: BatchWorld, folder: Path, queue_url: str, **batch: Any) -> Path:
    """A settings file in ``folder`` for relay and workers on this world; a password goes to a file beside it."""
    lots, address, secret = world.policy.lots, queue_url, {}
    if "@" in queue_url:
        scheme, _, rest = queue_url.partition("://")
        password, _, host = rest.rpartition("@")
        address, secret = f"{scheme}://{host}", {"queue_password_file": folder / "queue.secret"}
        secret["queue_password_file"].touch(mode=0o600)
        secret["queue_password_file"].write_text(password.removeprefix(":"))
    values = {
        "database_url": world.database_url,
        "queue_url": address,
        **secret,
        "pki": {
            "authorities_dir": world.hierarchy.authorities_dir,
            "keys_dir": world.hierarchy.keys_dir,
            "pass_phrase_file": world.hierarchy.pass_phrase_file,
        },
        "batch": {
            "workers": 2,
            "chunk_size": lots.chunk_size,
            "page_size": lots.page_size,
            "lease_seconds": 5,
            "max_attempts": 20,
            **batch,
        },
        "logging": {"level": "ERROR"},
    }
    return write_settings(folder / "igc.toml", values)
