"""``igc serve``: the whole plateforme under one supervisor, queue server included when none is configured."""

from __future__ import annotations

import sys
from pathlib import Path

import structlog
import typer

from batch.tasks import release_worker
from commands.composition import open_database
from commands.options import ConfigOption
from runtime.embedded_queue import EmbeddedQueue
from runtime.logs import configure
from runtime.probes import tcp_answers, tls_answers
from runtime.settings import CONFIG_VARIABLE, Settings
from runtime.settings_sections import PortalSettings, WsSettings
from runtime.supervisor import Child, Supervisor
from storage.database import Database
from storage.migrate import upgrade

log = structlog.get_logger()
_WORKER = "worker-"


def run(config: ConfigOption = None) -> None:
    """Lance toute la plateforme : file de travaux, relais, signature, service web, portail."""
    settings = Settings.load(config)
    configure(settings.logging, process="igc")
    upgrade(settings.database_dsn())
    db = open_database(settings, "igc")
    supervisor = build_supervisor(settings, config, db)
    typer.echo(f"Service web : {settings.ws.public_url}   Portail : {settings.portal.public_url}", err=True)
    supervisor.run()


def build_supervisor(settings: Settings, config: Path | None, db: Database) -> Supervisor:
    """The children in the order they need each other; a dead worker's tasks are ready again at once."""

    def on_death(name: str, _pid: int) -> None:
        if name.startswith(_WORKER):
            log.warning("worker died", worker=name, tasks=release_worker(db, name))

    return Supervisor(_children(settings, config), on_death=on_death)


def _children(settings: Settings, config: Path | None) -> list[Child]:
    env = {CONFIG_VARIABLE: str(config.absolute())} if config is not None else {}
    children: list[Child] = []
    if settings.queue_is_embedded:
        queue = EmbeddedQueue(settings.queue_dir)
        children.append(
            Child(name="file-de-travaux", argv=queue.argv(), ready=queue.is_ready, pass_fds=queue.prepare())
        )
    igc = [sys.executable, "-m", "commands"]
    children.append(Child(name="relais", argv=[*igc, "relay"], env=env))
    for number in range(1, settings.batch.worker_count() + 1):
        name = f"{_WORKER}{number}"
        children.append(Child(name=name, argv=[*igc, "worker", "--name", name], env=env))
    for name, verb, section in (("service-web", "ws", settings.ws), ("portail", "portal", settings.portal)):
        children += [_listener(f"{name}-{number}", verb, env, section) for number in range(1, section.processes + 1)]
    publication = settings.publication
    children += [
        Child(
            name=f"publication-{number}",
            argv=[*igc, "publication"],
            env=env,
            ready=lambda: tcp_answers(publication.host, publication.port),
        )
        for number in range(1, publication.processes + 1)
    ]
    return children


def _listener(name: str, verb: str, env: dict[str, str], section: WsSettings | PortalSettings) -> Child:
    return Child(
        name=name,
        argv=[sys.executable, "-m", "commands", verb],
        env=env,
        ready=lambda: tls_answers(section.host, section.port),
    )
