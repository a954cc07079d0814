"""``igc lint-sample``: the full lint over some of the certificates that were really issued."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from batch.watching.sampling import lint_sample
from commands.composition import started
from commands.options import ConfigOption
from pki.refusals_in_french import finding_told
from runtime.clock import system_clock


def run(
    count: Annotated[int, typer.Option(min=1, max=100_000, help="Nombre de certificats tirés au sort.")] = 100,
    days: Annotated[int, typer.Option(min=1, max=3_660, help="Parmi ceux émis depuis ce nombre de jours.")] = 1,
    config: ConfigOption = None,
) -> None:
    """Relit avec pkilint des certificats émis, tirés au sort ; code de retour 1 si l'un d'eux est fautif."""
    with started(config, "lint") as here:
        sample = lint_sample(here.db, count, system_clock() - timedelta(days=days))
    for one in sample.faulty:
        findings = ", ".join(finding_told(finding) for finding in one.findings)
        typer.echo(f"{one.autorite} {one.serial} {one.produit} : {findings}")
    typer.echo(f"{sample.read} certificats relus, {len(sample.faulty)} fautifs")
    if sample.faulty:
        raise typer.Exit(1)
