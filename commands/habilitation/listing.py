"""``igc habilitation list``: those in force, or with those that ended and those to come."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.operateur.support import Form, FormOption, at_work, show
from commands.options import ConfigOption
from registration.acteurs.listing import HabilitationFilter, HabilitationLine, list_habilitations
from registration.vocabulary import Offre
from runtime.clock import system_clock

_AllOption = Annotated[bool, typer.Option("--all", help="Aussi celles qui ont pris fin ou sont à venir.")]


def run(
    acteur: Annotated[str | None, typer.Option("--acteur", help="D'un acteur, par son identifiant.")] = None,
    structure: Annotated[str | None, typer.Option("--structure", help="Sur une structure.")] = None,
    offre: Annotated[Offre | None, typer.Option("--offre", help="Pour une offre.")] = None,
    every_date: _AllOption = False,  # noqa: FBT002 -- a flag
    form: FormOption = Form.TEXTE,
    config: ConfigOption = None,
) -> None:
    """Liste les habilitations : acteur, offre, structure, domaine, dates, qui les a données et pourquoi."""
    with at_work(config, None) as here, here.db.read() as session:
        wanted = HabilitationFilter(acteur, structure, offre, every_date)
        found = list_habilitations(session, here.plateforme, wanted, system_clock())
    show(HabilitationLine._fields, found, form)
