"""``igc application end``: at once, for all its certificates or for one."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.application.support import IdArgument, applications_of
from commands.operateur.support import OperateurOption, ReasonOption, at_work
from commands.options import ConfigOption
from runtime.clock import system_clock


def run(
    ident: IdArgument,
    reason: ReasonOption,
    serial: Annotated[
        str | None,
        typer.Option("--serial", metavar="SERIE", help="Ce seul certificat ; par défaut l'application tout entière."),
    ] = None,
    operateur: OperateurOption = None,
    config: ConfigOption = None,
) -> None:
    """Met fin à une application, habilitations comprises : sa prochaine requête est refusée. Ses lots restent.

    Ses certificats ne sont pas révoqués : `igc revoke` le fait.
    """
    with at_work(config, operateur) as here:
        applications = applications_of(here)
        if serial is not None:
            applications.end_certificate(ident, serial, system_clock(), reason)
            typer.echo(f"{ident} : le certificat {serial} n'ouvre plus rien.")
            return
        ended = applications.end(ident, system_clock(), reason)
    typer.echo(f"{ident} : terminée ; certificats {ended.certificates}, habilitations {ended.habilitations}.")
