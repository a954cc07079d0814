"""``igc lint-sample``: the full lint over some of the certificates that were really issued."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import structlog
import typer
from sqlalchemy import func, select

from commands.composition import open_database
from commands.options import ConfigOption
from runtime.clock import system_clock
from runtime.logs import configure
from runtime.settings import Settings
from storage import tables

log = structlog.get_logger()


def run(
    count: Annotated[int, typer.Option(min=1, max=100_000, help="Nombre de certificats tirés au sort.")] = 100,
    days: Annotated[int, typer.Option(min=1, max=3_660, help="Parmi ceux émis depuis ce nombre de jours.")] = 1,
    config: ConfigOption = None,
) -> None:
    """Relit avec pkilint des certificats émis, tirés au sort ; code de retour 1 si l'un d'eux est fautif."""
    from pki.full_lint import find_all_breaches  # noqa: PLC0415 -- the linter loads slowly

    settings = Settings.load(config)
    configure(settings.logging, process="lint")
    certificat = tables.Certificat
    db = open_database(settings)
    try:
        with db.read() as session:
            rows = session.execute(
                select(certificat.autorite, certificat.serial, certificat.produit, certificat.der)
                .where(certificat.emis_le >= system_clock() - timedelta(days=days), certificat.der.is_not(None))
                .order_by(func.random())
                .limit(count)
            ).all()
    finally:
        db.dispose()
    faulty = 0
    for autorite, serial, produit, der in rows:
        findings = find_all_breaches(der or b"")
        if findings:
            faulty += 1
            log.error("lint refused an issued certificate", autorite=autorite, serial=serial, findings=findings)
            typer.echo(f"{autorite} {serial} {produit} : {', '.join(findings)}")
    typer.echo(f"{len(rows)} certificats relus, {faulty} fautifs")
    if faulty:
        raise typer.Exit(1)
