"""``igc init-test``: make a TEST plateforme with a fictitious world in the data folder."""

from __future__ import annotations

import typer

from commands.options import ConfigOption
from commands.test_plateforme import make_plateforme
from runtime.logs import configure
from runtime.settings import Settings


def run(config: ConfigOption = None) -> None:
    """Crée une plateforme de TEST complète : AC, certificats, structures et personnes fictives."""
    settings = Settings.load(config)
    if settings.plateforme != "TEST":
        raise typer.BadParameter("réservé à la plateforme TEST")
    configure(settings.logging, process="init-test")
    make_plateforme(settings, step=lambda text: typer.echo(f"- {text}"))
    typer.echo(f"Prêt : {settings.data_dir}")
