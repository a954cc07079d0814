"""``igc check-publication``: for a monitor; says what relying parties will soon miss, with status 1."""

from __future__ import annotations

import typer

from batch.watching.alarms import (
    Alarm,
    Fault,
    Subject,
    find_alarms,
    find_notice_alarms,
    find_past_alarms,
    find_trail_alarms,
)
from batch.watching.expiry import find_endings
from batch.watching.listeners import find_bad_listeners, find_ended
from batch.watching.published import find_stale_files, find_unwritable
from commands.checks.watched import served_certificates, watched
from commands.composition import Instance, load_settings, opened
from commands.options import ConfigOption
from registration.exploitation.views import AlarmLine
from runtime.clock import system_clock

_NAMES = {
    Subject.CRL: "CRL de {name}",
    Subject.DELTA: "delta CRL de {name}",
    Subject.RESPONDER: "répondeur OCSP de {name}",
    Subject.ROOT_CRL: "CRL de la racine {name}",
    Subject.TLS: "certificat TLS de {name}",
    Subject.AUTHORITY: "AC {name}",
    Subject.TRAIL: "piste d'audit",
    Subject.FOLDER: "dossier {name}",
    Subject.PAST: "base de données",
    Subject.NOTICES: "avis par mail",
}
_FAULTS = {
    Fault.UNREADABLE: "illisible",
    Fault.FORGED: "pas signée par elle",
    Fault.BROKEN: "sa fin n'est pas celle annoncée, plus rien n'est signé",
    Fault.PAST: "elle n'est pas celle d'avant, tout est arrêté",
    Fault.DIFFERED: "ce qui la suivait n'était pas ce que dit la base",
    Fault.UNPUBLISHED: "le fichier publié n'est pas la liste en vigueur",
    Fault.UNWRITABLE: "rien ne s'y écrit plus (disque plein, lecture seule ou droits)",
    Fault.REVOKED: "révoqué",
    Fault.SERVES_REVOKED: "le service montre encore un certificat révoqué, que son fichier n'a plus",
    Fault.SERVES_ANOTHER: "le service ne montre pas le certificat de son fichier",
}


def run(config: ConfigOption = None) -> None:
    """Vérifie que rien ne manque ni n'expire : CRL, répondeurs OCSP, certificats TLS, AC ; code de retour 1 sinon."""
    with opened(load_settings(config)) as here:
        alarms = find_all(here)
    for alarm in alarms:
        typer.echo(sentence(alarm))
    if alarms:
        raise typer.Exit(1)
    typer.echo("Publication à jour.")


def find_all(here: Instance) -> list[Alarm]:
    """Every alarm in force, as far as this process can see."""
    settings, db, now = here.settings, here.db, system_clock()
    seen = watched(settings)
    expected = [name for name, authority in here.authorities.items() if authority.products]
    served = served_certificates(settings)
    found = [
        *find_past_alarms(db, here.evidence),
        *find_alarms(db, here.batch_policy, now, expected),
        *find_notice_alarms(db, now),
        *find_trail_alarms(db, here.batch_policy, now),
        *find_endings(db, seen, now),
        *find_stale_files(db, seen.publication, now),
        *find_unwritable({seen.publication, settings.data_dir}),
        *find_bad_listeners(db, here.authorities, seen.tls, served),
        *find_ended(served, now),
    ]
    return list(dict.fromkeys(found))


def sentence(alarm: Alarm) -> str:
    """One line for the operator; docs/exploitation.md says what to do about each."""
    level = "ERREUR" if alarm.urgent else "AVERTISSEMENT"
    line = f"{level} {_NAMES[alarm.subject].format(name=alarm.name)} : {_state(alarm)}"
    return f"{line} : {alarm.name} ; lancer igc restore" if alarm.subject is Subject.PAST and alarm.name else line


def as_line(alarm: Alarm) -> AlarmLine:
    """The same for a page."""
    told = f"{_state(alarm)} : {alarm.name}" if alarm.subject is Subject.PAST and alarm.name else _state(alarm)
    return AlarmLine(alarm.urgent, _NAMES[alarm.subject].format(name=alarm.name), told)


def _state(alarm: Alarm) -> str:
    if alarm.fault in _FAULTS:
        return _FAULTS[alarm.fault]
    if alarm.ends is None:
        return "absent"
    if alarm.fault is Fault.UNSEALED:
        return f"pas scellée depuis le {alarm.ends:%d/%m/%Y %H:%M} UTC"
    if alarm.fault is Fault.UNSENT:
        return f"rien ne part, le plus ancien attend depuis le {alarm.ends:%d/%m/%Y %H:%M} UTC"
    end = f"fin de validité {alarm.ends:%d/%m/%Y %H:%M} UTC"
    return f"{end}, les certificats émis sont raccourcis" if alarm.fault is Fault.SHORTENS else end
