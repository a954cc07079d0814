"""``igc operateur``: grant, end and list; nothing else makes an operator of the portal's room."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.french import FrenchCommand
from commands.operateur.support import (
    BeginsOption,
    EndsOption,
    Form,
    FormOption,
    OperateurOption,
    ReasonOption,
    at_work,
    begin_of,
    end_of,
    show,
)
from commands.options import ConfigOption
from registration.acteurs.applications import check_motif
from registration.acteurs.granting import acteur_or_new
from registration.acteurs.habilitations import Terms
from registration.acteurs.listing import find_acteur
from registration.acteurs.operateurs import OperateurLine, end_operateur, list_operateurs, name_operateur
from registration.acteurs.refusals import ActeurRefusedError
from runtime.clock import system_clock

app = typer.Typer(
    help="Qui entre dans l'espace d'exploitation du portail : nommer, retirer, lister.", no_args_is_help=True
)
_PersonneArgument = Annotated[
    str, typer.Argument(metavar="PERSONNE", help="Identifiant national, que sa carte ait déjà été vue ou non.")
]


@app.command("grant", cls=FrenchCommand)
def grant(
    personne: _PersonneArgument,
    reason: ReasonOption,
    begins: BeginsOption = None,
    ends: EndsOption = None,
    operateur: OperateurOption = None,
    config: ConfigOption = None,
) -> None:
    """Ouvre à une personne l'espace d'exploitation du portail, en son nom seulement."""
    terms = Terms(begins=begin_of(begins), ends=end_of(ends), motif=check_motif(reason))
    with at_work(config, operateur) as here, here.db.write() as session:
        now = system_clock()
        ident = acteur_or_new(session, here.plateforme, personne, now)
        if not name_operateur(session, ident, now, terms):
            raise ActeurRefusedError(f"{personne} est déjà opérateur, ou va l'être (igc operateur list)")
    typer.echo(f"{personne} : opérateur.")


@app.command("end", cls=FrenchCommand)
def end(
    personne: _PersonneArgument, reason: ReasonOption, operateur: OperateurOption = None, config: ConfigOption = None
) -> None:
    """Y met fin, dès sa prochaine requête ; la ligne reste dans la liste avec sa fin."""
    motif = check_motif(reason)
    with at_work(config, operateur) as here, here.db.write() as session:
        acteur = find_acteur(session, here.plateforme, personne)
        if acteur is None or not end_operateur(session, acteur.id, system_clock(), motif):
            raise ActeurRefusedError(f"{personne} n'est pas opérateur (igc operateur list)")
    typer.echo(f"{personne} : n'est plus opérateur.")


@app.command("list", cls=FrenchCommand)
def list_all(form: FormOption = Form.TEXTE, config: ConfigOption = None) -> None:
    """Liste qui est ou a été opérateur : identifiant ; libellé ; début ; fin ; par qui ; motifs."""
    with at_work(config, None) as here, here.db.read() as session:
        found = list_operateurs(session, here.plateforme)
    show(OperateurLine._fields, found, form)
