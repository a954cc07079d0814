"""``igc audit``: check again what was issued, published and recorded, by code that shares nothing with what did it."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import structlog
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from audit.context import Anchor, Audit, Meter, Report, Scope, SilentMeter
from audit.reading.authorities import AuditError, load_authorities
from audit.report import as_json, lines
from audit.run import run_audit
from commands.composition import configure_logs, load_settings, opened
from commands.options import ConfigOption
from runtime.clock import system_clock
from runtime.settings.errors import SettingsError
from runtime.settings.model import Settings
from storage.refusals import DatabaseRefusedError, check_exists, refusals_told

log = structlog.get_logger()
_FOUND, _IMPOSSIBLE = 1, 2
_DATE_FORMS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]


def run(
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=_DATE_FORMS, metavar="DATE", help="Ne relire que ce qui a été émis ou modifié depuis (UTC)."
        ),
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=0, help="Nombre de certificats relus par pkilint, tirés au sort ; sinon tous.")
    ] = None,
    no_ocsp: Annotated[bool, typer.Option("--no-ocsp", help="Ne pas interroger le répondeur OCSP.")] = False,  # noqa: FBT002 -- a flag
    ocsp_url: Annotated[
        str | None, typer.Option(help="Adresse locale du répondeur, si ce n'est celle des réglages.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Fichier où écrire le rapport en JSON.", dir_okay=False)
    ] = None,
    anchor: Annotated[
        str | None, typer.Option(help="Ancre donnée par un contrôle précédent et gardée ailleurs : NUMERO:EMPREINTE.")
    ] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, max=256, help="Processus pour pkilint ; par défaut un par cœur.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Contrôle tout ce qui a été émis, publié et inscrit. Retour : 0 rien, 1 anomalies, 2 contrôle impossible."""
    url = None if no_ocsp else _loopback(ocsp_url)
    scope = Scope(
        since=since.replace(tzinfo=UTC) if since else None,
        sample=sample,
        anchor=_anchor(anchor),
        processes=processes or len(os.sched_getaffinity(0)),
    )
    with _broken_off():
        began = system_clock()
        report = _audit(load_settings(config), scope, url, ask=not no_ocsp)
        for line in lines(report):
            typer.echo(line)
        if json_file is not None:
            json_file.write_bytes(as_json(report, began, system_clock()))
    if report.found.total():
        raise typer.Exit(_FOUND)


@contextmanager
def _broken_off() -> Iterator[None]:
    """What keeps the audit from being made is one line and a status of its own."""
    try:
        with refusals_told():
            yield
    except (AuditError, SettingsError, DatabaseRefusedError, OSError) as error:
        raise _impossible(str(error)) from None
    except Exception as error:
        # An audit that breaks down is not one that found nothing, nor one that found something.
        log.exception("audit broke down")
        raise _impossible(f"contrôle interrompu ({type(error).__name__})") from error


def _anchor(text: str | None) -> Anchor | None:
    if text is None:
        return None
    found = re.fullmatch(r"([1-9][0-9]{0,17}):([0-9a-fA-F]{64})", text.strip())
    if found is None:
        raise typer.BadParameter("NUMERO:EMPREINTE attendu, tel que l'a écrit un contrôle", param_hint="--anchor")
    return Anchor(int(found[1]), bytes.fromhex(found[2]))


def _impossible(reason: str) -> typer.Exit:
    typer.echo(f"igc audit : {reason}", err=True)
    return typer.Exit(_IMPOSSIBLE)


def _loopback(url: str | None) -> str | None:
    """Only a responder of this machine is asked: the audit sends the list of all certificates to whom it asks."""
    if url is None:
        return None
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
        _ = parts.port
    except ValueError:
        local = False
    if parts.scheme != "http" or not local:
        raise typer.BadParameter("une adresse http:// locale est attendue", param_hint="--ocsp-url")
    return url


def _audit(settings: Settings, scope: Scope, url: str | None, *, ask: bool) -> Report:
    configure_logs(settings, "audit")
    authorities = load_authorities(settings.pki.authorities_dir)
    check_exists(settings.database_dsn())
    section = settings.publication
    host = f"[{section.host}]" if ":" in section.host else section.host
    if ask:
        url = url or f"http://{host}:{section.port}"
    # The auditor reads the authorities by code of its own.
    with opened(settings) as here, _meter() as meter:
        return run_audit(
            Audit(
                db=here.db,
                authorities=authorities,
                publication_dir=settings.pki.publication_dir,
                crl_refresh=timedelta(minutes=settings.pki.crl_refresh_minutes),
                clock=system_clock,
                weak_key_files=settings.pki.weak_key_files,
                marks_file=here.marks_file,
                scope=replace(scope, ocsp_url=url),
                meter=meter,
            )
        )


class _Bar:
    """A bar for each check, one below the other."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def start(self, label: str, total: int | None) -> None:
        """See Meter."""
        self._task = self._progress.add_task(label, total=total)

    def advance(self, count: int = 1) -> None:
        """See Meter."""
        if self._task is not None:
            self._progress.advance(self._task, count)


@contextmanager
def _meter() -> Iterator[Meter]:
    console = Console(stderr=True)
    if not console.is_terminal:
        yield SilentMeter()
        return
    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        yield _Bar(progress)
