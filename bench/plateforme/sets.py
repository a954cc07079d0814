"""A plateforme of either set: made once with its ceremony, then copied fresh for each number of workers.

The embedded set is SQLite and the queue that ``igc serve`` starts, the production set PostgreSQL and Valkey by URL.
Copies are alike to the octet, so that no measure pays for what a former one has left in the tables.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bench.plateforme.http import Client, Wire
from bench.plateforme.servers import Services
from commands.demo.plateforme import running
from commands.trial.plateforme import CLIENTS_FOLDER, Ceremony, make_plateforme
from runtime.settings.model import Settings
from tests.support.queue_server import free_port

_SENDER = "dr-leroux"


class ServiceSet(StrEnum):
    """Where database and queue are."""

    EMBEDDED = "embedded"
    PRODUCTION = "production"


@dataclass(frozen=True, slots=True)
class Plateforme:
    """A plateforme that runs: its settings and their file, how many workers sign; its address when it is elsewhere."""

    service_set: ServiceSet
    settings: Settings
    config: Path
    workers: int
    address: str | None = None

    @property
    def client(self) -> Client:
        """The sender of the fictitious world who may deposit what the bench deposits."""
        clients = self.settings.data_dir / CLIENTS_FOLDER
        pair = (clients / f"{_SENDER}.pem", clients / f"{_SENDER}.key")
        return Client(f"{self.settings.ws.public_url}/ws/lots/1.0", pair, clients / "ac-racine.pem", self.address)

    def wire(self) -> Wire:
        """One of its connections."""
        return Wire(self.client)


class Model:
    """A plateforme with RSA-``bits`` authorities that never runs; ``copied`` starts a copy of it."""

    def __init__(self, folder: Path, bits: int, services: Services | None) -> None:
        """Makes it; the production set when there are ``services``."""
        self._folder = folder.absolute()
        self._services = services
        self._database = f"igc_model_{bits}"
        shutil.rmtree(self._folder, ignore_errors=True)
        self._model.mkdir(mode=0o700, parents=True)
        if services is not None:
            services.database.create(self._database)
        config = self._write(self._model, self._database, {})
        make_plateforme(Settings.load(config), Ceremony(key_bits=bits))

    @property
    def _model(self) -> Path:
        return self._folder / "model"

    @contextmanager
    def copied(self, workers: int) -> Iterator[Plateforme]:
        """A copy that runs with so many workers; its database goes with the ``with`` block, its files stay."""
        folder, database = self._folder / f"workers-{workers}", f"{self._database}_{workers}"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self._model, folder)
        if self._services is not None:
            self._services.wipe_queue()
            self._services.database.create(database, template=self._database)
        try:
            config = self._write(folder, database, {"workers": workers})
            settings = Settings.load(config)
            service_set = ServiceSet.EMBEDDED if self._services is None else ServiceSet.PRODUCTION
            with running(settings, config, folder / "journal.log"):
                yield Plateforme(service_set, settings, config, workers)
        finally:
            if self._services is not None:
                self._services.database.drop(database)

    def _write(self, folder: Path, database: str, batch: Mapping[str, int]) -> Path:
        ports = [free_port() for _ in range(3)]
        lines = ['plateforme = "TEST"', 'data_dir = "."']
        if self._services is not None:
            queue = self._services.queue
            lines += [f'database_url = "{self._services.database.url(database)}"', f'queue_url = "{queue.address}"']
            lines.append(f'queue_password_file = "{self._services.queue_password_file}"')
        for section, port in zip(("ws", "portal"), ports, strict=False):
            lines += [f"[{section}]", f"port = {port}", f'public_url = "https://localhost:{port}"']
        lines += ["[publication]", f"port = {ports[-1]}", "[batch]"]
        lines += [f"{name} = {value}" for name, value in batch.items()]
        config = folder / "igc.toml"
        config.write_text("\n".join(lines) + "\n")
        return config
