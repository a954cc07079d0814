"""``igc produit``: close, open and list."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.french import FrenchCommand
from commands.operateur.support import (
    BeginsOption,
    Form,
    FormOption,
    OperateurOption,
    ReasonOption,
    at_work,
    begin_of,
    show,
)
from commands.options import ConfigOption
from registration.acteurs.applications import check_motif
from registration.life.fermetures import Produit, close, list_fermetures, reopen
from registration.vocabulary import USAGES_BY_OFFRE, Offre, Usage
from runtime.clock import system_clock
from runtime.errors import OperatorError

app = typer.Typer(
    help="Produits (offre, usage) : les fermer aux nouvelles demandes, les rouvrir.", no_args_is_help=True
)
_COLUMNS = ("offre", "usage", "debut", "fin", "fermee_par", "motif", "motif_fin")
_OffreArgument = Annotated[Offre, typer.Argument(metavar="OFFRE", help="PS, PRO, ORG ou SERV.")]
_UsageArgument = Annotated[Usage, typer.Argument(metavar="USAGE", help="AUTH, AUTH_CLI, SIGN, CONF, S/MIME, SSL_SERV.")]


@app.command("close", cls=FrenchCommand)
def close_product(
    offre: _OffreArgument,
    usage: _UsageArgument,
    reason: ReasonOption,
    begins: BeginsOption = None,
    operateur: OperateurOption = None,
    config: ConfigOption = None,
) -> None:
    """Ferme un produit : les nouvelles demandes sont refusées (ERR_IHM_019), tout ce qui est en cours continue."""
    produit, motif, day = _produit(offre, usage), check_motif(reason), begin_of(begins)
    with at_work(config, operateur) as here, here.db.write() as session:
        now = system_clock()
        if not close(session, here.plateforme, produit, now, motif, day if day and day > now else None):
            raise OperatorError(f"{offre.value} {usage.value} : déjà fermé, ou près de l'être (igc produit list)")
    typer.echo(f"{offre.value} {usage.value} : fermé.")


@app.command("open", cls=FrenchCommand)
def open_product(
    offre: _OffreArgument,
    usage: _UsageArgument,
    reason: ReasonOption,
    operateur: OperateurOption = None,
    config: ConfigOption = None,
) -> None:
    """Rouvre un produit aux demandes, à l'instant."""
    produit, motif = _produit(offre, usage), check_motif(reason)
    with at_work(config, operateur) as here, here.db.write() as session:
        if not reopen(session, here.plateforme, produit, system_clock(), motif):
            raise OperatorError(f"{offre.value} {usage.value} n'est pas fermé")
    typer.echo(f"{offre.value} {usage.value} : ouvert.")


@app.command("list", cls=FrenchCommand)
def list_closed(form: FormOption = Form.TEXTE, config: ConfigOption = None) -> None:
    """Liste les fermetures, passées comprises : offre ; usage ; début ; fin ; par qui ; motifs."""
    with at_work(config, None) as here, here.db.read() as session:
        rows = [
            (row.offre, row.usage, row.debut_le, row.fin_le, row.fermee_par, row.motif, row.motif_fin)
            for row in list_fermetures(session, here.plateforme)
        ]
    show(_COLUMNS, rows, form)


def _produit(offre: Offre, usage: Usage) -> Produit:
    if usage not in USAGES_BY_OFFRE[offre]:
        known = ", ".join(one.value for one in USAGES_BY_OFFRE[offre])
        raise OperatorError(f"{offre.value} n'a pas d'usage {usage.value} (elle a : {known})")
    return offre, usage
