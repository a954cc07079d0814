"""``igc check-publication``: for a monitor; says what relying parties will soon miss, with status 1."""

from __future__ import annotations

import typer

from batch.alarms import Alarm, Fault, Subject, find_alarms, find_trail_alarms
from batch.endings import find_endings
from commands.composition import batch_policy, open_database
from commands.options import ConfigOption
from commands.watching import watched
from pki.authority import load_authorities
from runtime.clock import system_clock
from runtime.settings import Settings

_NAMES = {
    Subject.CRL: "CRL de {name}",
    Subject.DELTA: "delta CRL de {name}",
    Subject.RESPONDER: "répondeur OCSP de {name}",
    Subject.ROOT_CRL: "CRL de la racine {name}",
    Subject.TLS: "certificat TLS de {name}",
    Subject.AUTHORITY: "AC {name}",
    Subject.TRAIL: "piste d'audit",
}
_FAULTS = {
    Fault.UNREADABLE: "illisible",
    Fault.FORGED: "pas signée par elle",
    Fault.BROKEN: "sa fin n'est pas celle annoncée, plus rien n'est signé",
}


def run(config: ConfigOption = None) -> None:
    """Vérifie que rien ne manque ni n'expire : CRL, répondeurs OCSP, certificats TLS, AC ; code de retour 1 sinon."""
    settings = Settings.load(config)
    authorities = load_authorities(settings.pki.authorities_dir)
    expected = [name for name, authority in authorities.items() if authority.products]
    db, now = open_database(settings), system_clock()
    try:
        policy = batch_policy(settings)
        alarms = find_alarms(db, policy, now, expected)
        alarms += find_trail_alarms(db, policy, now)
        alarms += find_endings(db, watched(settings), now)
    finally:
        db.dispose()
    for alarm in alarms:
        typer.echo(sentence(alarm))
    if alarms:
        raise typer.Exit(1)
    typer.echo("Publication à jour.")


def sentence(alarm: Alarm) -> str:
    """One line for the operator; docs/exploitation.md says what to do about each."""
    level = "ERREUR" if alarm.urgent else "AVERTISSEMENT"
    return f"{level} {_NAMES[alarm.subject].format(name=alarm.name)} : {_state(alarm)}"


def _state(alarm: Alarm) -> str:
    if alarm.fault in _FAULTS:
        return _FAULTS[alarm.fault]
    if alarm.ends is None:
        return "absent"
    if alarm.fault is Fault.UNSEALED:
        return f"pas scellée depuis le {alarm.ends:%d/%m/%Y %H:%M} UTC"
    end = f"fin de validité {alarm.ends:%d/%m/%Y %H:%M} UTC"
    return f"{end}, les certificats émis sont raccourcis" if alarm.fault is Fault.SHORTENS else end
