"""``igc publish-crl``: sign and publish the CRLs now, whatever their age, on a machine that holds the keys."""

from __future__ import annotations

from typing import Annotated

import typer

from batch.context import WorkerContext
from batch.lists.crls import publish
from commands.composition import started
from commands.options import ConfigOption
from storage.stored_lists import list_in_force


def run(
    authority: Annotated[
        list[str] | None,
        typer.Option(help="Nom court d'une AC ; à répéter. Par défaut toutes celles dont la clé est ici."),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Signe et publie une CRL complète sans attendre son heure, avec son delta."""
    with started(config, "crl", "publish-crl") as here:
        context = here.worker_context("publish-crl")
        names = authority or sorted(context.signers)
        if missing := sorted(set(names) - context.signers.keys()):
            raise typer.BadParameter(f"aucune clé ici pour {', '.join(missing)}", param_hint="--authority")
        for name in names:
            publish(context, name)
            typer.echo(_sentence(context, name))


def _sentence(context: WorkerContext, name: str) -> str:
    numero, until = list_in_force(context.db, name)
    return f"CRL n° {numero} de {name} publiée, valable jusqu'au {until:%d/%m/%Y %H:%M} UTC"
