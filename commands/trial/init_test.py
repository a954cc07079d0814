"""``igc init-test``: make a TEST plateforme with a fictitious world in the data folder."""

from __future__ import annotations

import typer

from commands.composition import configure_logs, load_settings
from commands.options import ConfigOption
from commands.trial.plateforme import make_plateforme


def run(config: ConfigOption = None) -> None:
    """Crée une plateforme de TEST complète : AC, certificats, structures et personnes fictives."""
    settings = load_settings(config)
    if settings.plateforme != "TEST":
        raise typer.BadParameter("réservé à la plateforme TEST")
    configure_logs(settings, "init-test")
    make_plateforme(settings, step=lambda text: typer.echo(f"- {text}"))
    typer.echo(f"Prêt : {settings.data_dir}")
