"""``igc migrate``: make or change the tables as their owner, and say what the account of the plateforme may do."""

from __future__ import annotations

import typer

from commands.composition import configure_logs, load_settings
from commands.options import ConfigOption
from registration.retraits.overdue import count_without_limit
from storage.database import Database
from storage.migrate import upgrade
from storage.refusals import refusals_told
from storage.roles import grant_runtime


def run(config: ConfigOption = None) -> None:
    """Crée ou met à jour les tables ; sur PostgreSQL, donne au compte de la plateforme ses droits et rien de plus."""
    settings = load_settings(config)
    configure_logs(settings, "migrate")
    owner = settings.database_owner_dsn()
    with refusals_told():
        upgrade(owner)
        typer.echo("Tables à jour.")
        _tell_waiting(owner, settings.registration.retrait_grace_days)
        if settings.database_owner_url is not None:
            role = grant_runtime(owner, settings.database_dsn())
            typer.echo(f"Droits du compte {role} : ajouter à l'historique et à la piste d'audit, n'y rien changer.")


def _tell_waiting(dsn: str, days: int) -> None:
    """Say which certificates a version without limits left waiting: they are revoked if nobody withdraws them."""
    db = Database(dsn)
    try:
        with db.read() as session:
            count = count_without_limit(session)
    finally:
        db.dispose()
    if count:
        typer.echo(
            f"À retirer sans date limite : {count} certificat(s). Elle sera fixée au premier démarrage, {days} jours "
            "plus tard au moins (registration.retrait_grace_days) ; passée, demande annulée et certificat révoqué. "
            "Prévenir leurs demandeurs."
        )
