"""``igc check-config``: read the settings as every process would, and say what is wrong with them."""

from __future__ import annotations

import typer

from commands.options import ConfigOption
from pki.key_list import load_key_list
from runtime.settings import Settings
from runtime.settings_check import check, warnings
from runtime.settings_errors import SettingsError


def run(config: ConfigOption = None) -> None:
    """Vérifie les réglages sans rien lancer."""
    settings = Settings.load(config)
    if problems := check(settings):
        raise SettingsError(problems)
    for path in settings.pki.weak_key_files:
        typer.echo(f"Clés prévisibles, empreintes : {len(load_key_list([path]))} dans {path}.")
    for warning in warnings(settings):
        typer.echo(f"Attention : {warning}.")
    typer.echo(f"Réglages corrects : plateforme {settings.plateforme}, données dans {settings.data_dir}.")
