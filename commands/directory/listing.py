"""``igc directory imports``: what entered the directory lately, and whether all of it did."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.composition import started
from commands.french import number
from commands.options import ConfigOption
from registration.directory.imports import last_imports
from registration.directory.storing import Effect
from registration.vocabulary import EtatImport
from registration.wording import moment
from storage.refusals import check_exists

_LABELS = {
    EtatImport.EN_COURS: "en cours",
    EtatImport.TERMINE: "terminé",
    EtatImport.ABANDONNE: "abandonné avant sa fin : relancer",
}


def run(
    last: Annotated[int, typer.Option("--last", min=1, max=1_000, help="Combien en montrer.")] = 10,
    config: ConfigOption = None,
) -> None:
    """Montre les derniers imports : source, fichier, dates, ce qu'ils ont changé."""
    with started(config, "annuaire") as here:
        check_exists(here.settings.database_dsn())
        rows = last_imports(here.db, here.plateforme, last)
    for row in rows:
        counts = ", ".join(f"{effect.value} {number(getattr(row, effect.value))}" for effect in Effect)
        typer.echo(
            f"{row.id} ; {row.source} ; {row.fichier} ; commencé le {moment(row.commence_le)} ; "
            f"{_LABELS[EtatImport(row.etat)]} ; lignes {number(row.lignes)}, écartées {number(row.rejets)}, {counts}"
        )
    if not rows:
        typer.echo("Aucun import.")
