"""``igc directory find``: structures or persons, for who runs the plateforme; no perimeter is asked."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.composition import started
from commands.options import ConfigOption
from registration.directory.port import Wanted
from registration.errors import IgcError
from registration.rules.names import read_pattern
from runtime.errors import OperatorError
from storage.refusals import check_exists


def run(
    raison_sociale: Annotated[
        str | None, typer.Option("--raison-sociale", help="Structures par leur nom ; `HOPITAL*` pour un début.")
    ] = None,
    nom: Annotated[str | None, typer.Option("--nom", help="Personnes par leur nom ; `LER*` pour un début.")] = None,
    prenom: Annotated[str | None, typer.Option("--prenom", help="Personnes par leur prénom, de même.")] = None,
    structure: Annotated[str | None, typer.Option("--structure", help="Personnes de cette structure.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000, help="Combien en montrer.")] = 50,
    config: ConfigOption = None,
) -> None:
    """Cherche dans l'annuaire, sans égard aux accents ni à la casse ; une ligne par entrée, l'identifiant d'abord."""
    if (raison_sociale is None) == (nom is None and prenom is None and structure is None):
        raise OperatorError("--raison-sociale, ou bien --nom, --prenom et --structure")
    with started(config, "annuaire") as here:
        check_exists(here.settings.database_dsn())
        try:
            if raison_sociale is not None:
                pattern = read_pattern(raison_sociale, "raisonSociale")
                found = here.directory.find_structures(None, pattern, limit + 1)
                lines = [f"{one.id_national} ; {one.raison_sociale} ; {one.departement}" for one in found]
            else:
                wanted = Wanted(
                    nom=None if nom is None else read_pattern(nom, "nom"),
                    prenom=None if prenom is None else read_pattern(prenom, "prenom"),
                )
                people = here.directory.find_personnes(structure, wanted, limit + 1)
                lines = [f"{one.id_national} ; {one.nom} {one.prenom} ; {one.titre}" for one in people]
        except IgcError as error:
            raise OperatorError(str(error)) from error
    for line in lines[:limit]:
        typer.echo(line)
    if len(lines) > limit:
        typer.echo(f"... et d'autres : préciser, ou --limit au-delà de {limit}.")
