"""``igc worker``: a process that registers lots and signs certificates; with the ceremony, the only one with keys."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from batch.queue import connect
from batch.worker import run_worker
from commands.composition import open_database, worker_context
from commands.enrolment import make_delegate_phrases
from commands.options import ConfigOption
from commands.profile_gate import check_deployed_profiles
from runtime.logs import configure
from runtime.settings import Settings


def run(
    config: ConfigOption = None,
    name: Annotated[str | None, typer.Option(help="Nom du processus, unique sur la plateforme.")] = None,
) -> None:
    """Lance un processus qui enregistre les lots et signe les certificats."""
    settings = Settings.load(config)
    name = name or f"worker-{os.getpid()}"
    configure(settings.logging, process=name)
    make_delegate_phrases(settings)
    context = worker_context(settings, open_database(settings, name), name)
    check_deployed_profiles(settings, context)
    run_worker(context, connect(settings.queue_dsn()))
