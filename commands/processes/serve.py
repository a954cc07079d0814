"""``igc serve``: the whole plateforme under one supervisor, queue server included when none is configured."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import structlog
import typer

from batch.past.guard import WHAT_TO_DO, sentence_of
from batch.queue.leases import release_worker
from batch.queue.rq import refuse_unfit
from commands.composition import Instance, started
from commands.database.preparing import prepare_database
from commands.options import ConfigOption
from commands.processes.accounts import Accounts
from pki.errors import AuthorityError
from runtime.probes import tcp_answers, tls_answers
from runtime.processes.accounts import AccountError, handed_out
from runtime.processes.embedded_queue import EmbeddedQueue
from runtime.processes.supervisor import Child, Supervisor
from runtime.settings.model import CONFIG_VARIABLE, Settings
from runtime.settings.portal import PortalSettings
from storage.database import Database

log = structlog.get_logger()
_WORKER = "worker-"


def run(config: ConfigOption = None) -> None:
    """Lance toute la plateforme : file de travaux, relais, signature, service web, portail."""
    with started(config, "igc") as here, ExitStack() as stack:
        settings = here.settings
        accounts = _accounts(settings, stack)
        prepare_database(settings)
        if not settings.queue_is_embedded:
            refuse_unfit(settings.queue_dsn())
        if not here.authorities:
            raise AuthorityError("aucune AC : la cérémonie (igc ceremony) les crée")
        _ = here.client_authorities  # what two listeners would refuse is refused before anything starts
        look_for_the_past(here)
        supervisor = build_supervisor(settings, config, here.db, accounts)
        typer.echo(f"Service web : {settings.ws.public_url}   Portail : {settings.portal.entry_url}", err=True)
        supervisor.run()


def look_for_the_past(here: Instance) -> None:
    """Before any canal listens: a plateforme whose database is not the one of before serves its lists and no more."""
    try:
        reason = here.guard.look()
    except AuthorityError:
        return  # each process that needs the authorities says so by itself
    if reason is not None:
        typer.echo(f"igc serve : {sentence_of(reason)} ; {WHAT_TO_DO}", err=True)


def _accounts(settings: Settings, stack: ExitStack) -> Accounts:
    """The accounts of the processes, their secrets handed out as long as this process lives."""
    if not settings.accounts.given:
        if os.geteuid() == 0 and settings.plateforme == "PRODUCTION":
            raise AccountError(
                "lancé par root sur PRODUCTION, chaque processus demande un compte à lui : renseigner [accounts], ou "
                "lancer sous un compte sans privilège"
            )
        return Accounts(settings)
    if os.geteuid() == 0:
        from commands.signing_keys import make_delegate_phrases  # noqa: PLC0415 -- without accounts workers make them

        make_delegate_phrases(settings)
    Accounts(settings).check()
    return Accounts(settings, stack.enter_context(handed_out(settings.accounts.secrets_dir)))


def build_supervisor(
    settings: Settings, config: Path | None, db: Database, accounts: Accounts | None = None
) -> Supervisor:
    """The children in the order they need each other; a dead worker's tasks are ready again at once."""

    def on_death(name: str, _pid: int) -> None:
        if name.startswith(_WORKER):
            log.warning("worker died", worker=name, tasks=release_worker(db, name))

    return Supervisor(_children(settings, config, accounts or Accounts(settings)), on_death=on_death)


def _children(settings: Settings, config: Path | None, accounts: Accounts) -> list[Child]:
    env = {CONFIG_VARIABLE: str(config.absolute())} if config is not None else {}

    def child(name: str, verb: str, *words: str, ready: Callable[[], bool] | None = None) -> Child:
        return Child(
            name=name,
            argv=[sys.executable, "-m", "commands", verb, *words],
            env={**env, **accounts.env(verb, name)},
            ready=ready,
            account=accounts.of(verb),
        )

    children: list[Child] = []
    if settings.queue_is_embedded:
        queue = EmbeddedQueue(settings.queue_dir)
        children.append(
            Child(name="file-de-travaux", argv=queue.argv(), ready=queue.is_ready, pass_fds=queue.prepare())
        )
    children.append(child("relais", "relay"))
    for number in range(1, settings.batch.worker_count() + 1):
        name = f"{_WORKER}{number}"
        children.append(child(name, "worker", "--name", name))
    for name, verb, section in (
        ("service-web", "ws", settings.ws),
        ("portail", "portal", settings.portal),
        ("sans-login", "sans-login", settings.sans_login),
    ):
        port = section.any_port if isinstance(section, PortalSettings) else section.port
        ready = partial(tls_answers, section.host, port)
        children += [child(f"{name}-{number}", verb, ready=ready) for number in range(1, section.processes + 1)]
    publication = settings.publication
    ready = partial(tcp_answers, publication.host, publication.port)
    children += [
        child(f"publication-{number}", "publication", ready=ready) for number in range(1, publication.processes + 1)
    ]
    # Last: nothing of the others depends on them.
    children.append(child("avis", "mailer"))
    if settings.metrics.port:
        ready = partial(tcp_answers, settings.metrics.host, settings.metrics.port)
        children.append(child("metriques", "metrics", ready=ready))
    return children
