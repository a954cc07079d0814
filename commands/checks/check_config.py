"""``igc check-config``: read the settings as every process would, ask what they name, and say what is wrong."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import typer

from batch.queue.rq import QueueRefusedError, check_queue
from commands.composition import Instance, load_settings, opened
from commands.options import ConfigOption
from commands.processes.accounts import Accounts
from pki.errors import AuthorityError
from pki.keys.key_list import load_key_list
from registration.retraits.textes import TexteChangedError, require_unchanged
from runtime.processes.accounts import AccountError
from runtime.settings.check import check, warnings
from runtime.settings.errors import SettingsError, SettingsProblem
from storage.migrate import is_current
from storage.refusals import DatabaseRefusedError, exists

_DATABASE = {"database_url", "database_password_file"}
_QUEUE = {"queue_url", "queue_password_file"}


def run(config: ConfigOption = None) -> None:
    """Vérifie les réglages, la base, la file et les AC, sans rien lancer."""
    settings = load_settings(config)
    problems = list(check(settings))
    named = {problem.cle for problem in problems}
    with opened(settings) as here:
        problems += [problem for problem in _asked(here, named) if problem.cle not in named]
    if problems:
        raise SettingsError(problems)
    for path in settings.pki.weak_key_files:
        typer.echo(f"Clés prévisibles, empreintes : {len(load_key_list([path]))} dans {path}.")
    for warning in warnings(settings):
        typer.echo(f"Attention : {warning}.")
    if not exists(settings.database_dsn()):
        typer.echo("Base de données : pas encore créée, `igc serve` la crée.")
    typer.echo(f"Réglages corrects : plateforme {settings.plateforme}, données dans {settings.data_dir}.")


def _asked(here: Instance, named: Collection[str]) -> Iterator[SettingsProblem]:
    """What database, queue and authorities answer; nothing is sent to one of which something is ``named`` already."""
    settings = here.settings
    try:
        Accounts(settings).check()
    except AccountError as error:
        yield SettingsProblem("accounts", str(error))
    try:
        _ = here.authorities
    except AuthorityError as error:
        yield SettingsProblem("pki.authorities_dir", str(error))
    else:
        yield from _asked_of_clients(here)
    if _DATABASE.isdisjoint(named) and exists(settings.database_dsn()):
        try:
            here.db.check()
        except DatabaseRefusedError as error:
            yield SettingsProblem("database_url", error.reason)
        else:
            yield from _asked_of_textes(here)
    if not settings.queue_is_embedded and _QUEUE.isdisjoint(named):
        try:
            check_queue(settings.queue_dsn())
        except QueueRefusedError as error:
            yield SettingsProblem("queue_url", error.reason)


def _asked_of_textes(here: Instance) -> Iterator[SettingsProblem]:
    if not is_current(here.settings.database_dsn()):
        return
    try:
        files = here.textes
    except SettingsError:
        return  # told by ``check``, with what is missing
    for texte, _, _ in files:
        try:
            with here.db.read() as session:
                require_unchanged(session, here.plateforme, texte)
        except TexteChangedError as error:
            yield SettingsProblem(f"textes.{texte.nature.value.lower()}_file", str(error))


def _asked_of_clients(here: Instance) -> Iterator[SettingsProblem]:
    try:
        _ = here.client_authorities
    except AuthorityError as error:
        yield SettingsProblem("ws.client_ca_dir", str(error))
