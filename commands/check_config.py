"""``igc check-config``: read the settings as every process would, and say what is wrong with them."""

from __future__ import annotations

import typer

from commands.options import ConfigOption
from runtime.settings import Settings
from runtime.settings_check import check
from runtime.settings_errors import SettingsError


def run(config: ConfigOption = None) -> None:
    """Vérifie les réglages sans rien lancer."""
    settings = Settings.load(config)
    if problems := check(settings):
        raise SettingsError(problems)
    typer.echo(f"Réglages corrects : plateforme {settings.plateforme}, données dans {settings.data_dir}.")
