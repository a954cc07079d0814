"""``igc publish-crl``: sign and publish the CRLs now, whatever their age, on a machine that holds the keys."""

from __future__ import annotations

from typing import Annotated

import typer
from sqlalchemy import select

from batch.context import WorkerContext
from batch.crls import publish
from commands.composition import open_database, worker_context
from commands.options import ConfigOption
from runtime.logs import configure
from runtime.settings import Settings
from storage import tables


def run(
    authority: Annotated[
        list[str] | None,
        typer.Option(help="Nom court d'une AC ; à répéter. Par défaut toutes celles dont la clé est ici."),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Signe et publie une CRL complète sans attendre son heure, avec son delta."""
    settings = Settings.load(config)
    configure(settings.logging, process="crl")
    db = open_database(settings, "publish-crl")
    try:
        context = worker_context(settings, db, name="publish-crl")
        names = authority or sorted(context.signers)
        if missing := sorted(set(names) - context.signers.keys()):
            raise typer.BadParameter(f"aucune clé ici pour {', '.join(missing)}", param_hint="--authority")
        for name in names:
            publish(context, name)
            typer.echo(_sentence(context, name))
    finally:
        db.dispose()


def _sentence(context: WorkerContext, name: str) -> str:
    crl = tables.Crl
    with context.db.read() as session:
        numero, until = session.execute(select(crl.numero, crl.next_update).where(crl.autorite == name)).one()
    return f"CRL n° {numero} de {name} publiée, valable jusqu'au {until:%d/%m/%Y %H:%M} UTC"
