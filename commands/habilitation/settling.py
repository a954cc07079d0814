"""``igc habilitation grant`` and ``end``: one habilitation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from commands.operateur.support import (
    BeginsOption,
    EndsOption,
    OperateurOption,
    ReasonOption,
    at_work,
    begin_of,
    end_of,
)
from commands.options import ConfigOption
from registration.acteurs.granting import Step, Wanted, settle_one
from registration.acteurs.habilitations import Terms
from runtime.clock import system_clock

_ActeurArgument = Annotated[
    str,
    typer.Argument(metavar="ACTEUR", help="Identifiant d'une application inscrite, ou national d'une personne."),
]
_OffreArgument = Annotated[str, typer.Argument(metavar="OFFRE", help="PRO, ORG ou SERV (qui donne aussi ORG).")]
_StructureArgument = Annotated[str, typer.Argument(metavar="STRUCTURE", help="Identifiant national.")]
_DomaineArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[DOMAINE]",
        help="SERV : nom de serveur, *domaine, *.domaine ; PRO : *@domaine, *domaine, *.domaine ; ORG : rien.",
        show_default=False,
    ),
]


def grant(
    acteur: _ActeurArgument,
    offre: _OffreArgument,
    structure: _StructureArgument,
    reason: ReasonOption,
    domaine: _DomaineArgument = None,
    begins: BeginsOption = None,
    ends: EndsOption = None,
    operateur: OperateurOption = None,
    config: ConfigOption = None,
) -> None:
    """Donne une habilitation d'administrateur technique ; refusée si elle ne couvre rien aujourd'hui."""
    terms = Terms(begins=begin_of(begins), ends=end_of(ends), motif=reason)
    _settle(config, operateur, Wanted(
        step=Step.GRANT, acteur=acteur, offre=offre, structure=structure, domaine=domaine, terms=terms,
    ))  # fmt: skip


def end(
    acteur: _ActeurArgument,
    offre: _OffreArgument,
    structure: _StructureArgument,
    reason: ReasonOption,
    domaine: _DomaineArgument = None,
    operateur: OperateurOption = None,
    config: ConfigOption = None,
) -> None:
    """Retire une habilitation, en vigueur ou à venir, à l'instant ; elle reste dans la liste avec sa fin."""
    terms = Terms(motif=reason)
    _settle(config, operateur, Wanted(
        step=Step.END, acteur=acteur, offre=offre, structure=structure, domaine=domaine, terms=terms,
    ))  # fmt: skip


def _settle(config: Path | None, operateur: str | None, wanted: Wanted) -> None:
    with at_work(config, operateur) as here:
        text = settle_one(here.db, here.plateforme, wanted, system_clock())
    typer.echo(f"{wanted.acteur} : {text}.")
