"""``igc worker``: a process that registers lots and signs certificates; with the ceremony, the only one with keys."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from batch.queue.rq import connect, refuse_unfit
from batch.queue.worker import run_worker
from commands.ceremony.profile_gate import check_deployed_profiles
from commands.composition import started
from commands.options import ConfigOption
from commands.processes.measuring import begin_counting
from commands.signing_keys import make_delegate_phrases


def run(
    config: ConfigOption = None,
    name: Annotated[str | None, typer.Option(help="Nom du processus, unique sur la plateforme.")] = None,
) -> None:
    """Lance un processus qui enregistre les lots et signe les certificats."""
    name = name or f"worker-{os.getpid()}"
    with started(config, name, name) as here:
        here.db.refuse_unfit()
        refuse_unfit(here.settings.queue_dsn())
        make_delegate_phrases(here.settings)
        begin_counting(here.settings)
        context = here.worker_context(name)
        check_deployed_profiles(here.settings, context)
        run_worker(context, connect(here.settings.queue_dsn()))
