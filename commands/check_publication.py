"""``igc check-publication``: for a monitor; says what relying parties will soon miss, with status 1."""

from __future__ import annotations

import typer

from batch.alarms import Alarm, Subject, find_alarms
from commands.composition import batch_policy, open_database
from commands.options import ConfigOption
from pki.authority import load_authorities
from runtime.clock import system_clock
from runtime.settings import Settings

_NAMES = {Subject.CRL: "CRL", Subject.DELTA: "delta CRL", Subject.RESPONDER: "répondeur OCSP"}


def run(config: ConfigOption = None) -> None:
    """Vérifie que ni CRL ni répondeur OCSP ne manque ou n'expire bientôt ; code de retour 1 sinon."""
    settings = Settings.load(config)
    authorities = load_authorities(settings.pki.authorities_dir)
    expected = [name for name, authority in authorities.items() if authority.products]
    db = open_database(settings)
    try:
        alarms = find_alarms(db, batch_policy(settings), system_clock(), expected)
    finally:
        db.dispose()
    for alarm in alarms:
        typer.echo(_sentence(alarm))
    if alarms:
        raise typer.Exit(1)
    typer.echo("Publication à jour.")


def _sentence(alarm: Alarm) -> str:
    name = f"{_NAMES[alarm.subject]} de {alarm.autorite}"
    if alarm.ends is None:
        return f"{name} : absent"
    return f"{name} : fin de validité {alarm.ends:%d/%m/%Y %H:%M} UTC"
