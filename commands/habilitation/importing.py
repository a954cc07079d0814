"""``igc habilitation import``: a CSV file of habilitations to give and to end, all or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from commands.french import number
from commands.habilitation.table import read_table
from commands.operateur.support import OperateurOption, at_work
from commands.options import ConfigOption, DryRunOption
from registration.acteurs.granting import settle
from registration.acteurs.refusals import ActeurRefusedError
from runtime.clock import system_clock


def run(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FICHIER",
            help="CSV (UTF-8 ; `;`, virgule ou tabulation) à en-tête : acteur, offre, structure, motif ; au besoin "
            "domaine, debut, fin (jours), action (donner, retirer).",
            exists=True,
            dir_okay=False,
        ),
    ],
    dry_run: DryRunOption = False,  # noqa: FBT002 -- a flag
    operateur: OperateurOption = None,
    config: ConfigOption = None,
) -> None:
    """Donne et retire des habilitations par fichier : un verdict par ligne, et tout ou rien.

    Le même fichier une seconde fois ne donne rien deux fois.
    """
    table = read_table(file)
    with at_work(config, operateur) as here:
        verdicts = settle(here.db, here.plateforme, [one for _, one in table], system_clock(), dry_run=dry_run)
    for (line, wanted), verdict in zip(table, verdicts, strict=True):
        word = "REFUS " if verdict.is_refused else ""
        typer.echo(f"ligne {line} : {wanted.acteur} : {word}{verdict.text}")
    refused = sum(verdict.is_refused for verdict in verdicts)
    if refused:
        raise ActeurRefusedError(f"{number(refused)} lignes refusées sur {number(len(table))}. Rien n'a été fait.")
    typer.echo("Essai : rien n'a été fait." if dry_run else f"Fait : {number(len(table))} lignes.")
