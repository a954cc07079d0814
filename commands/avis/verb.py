"""``igc avis``: list, try again."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.french import FrenchCommand
from commands.operateur.support import Form, FormOption, at_work, show
from commands.options import ConfigOption
from registration.notices.listing import Clue, ListedAvis, list_avis, retry
from registration.vocabulary import Avis, EtatAvis
from runtime.clock import system_clock
from runtime.errors import OperatorError

app = typer.Typer(help="Avis par mail : où ils en sont, les essayer à nouveau.", no_args_is_help=True)
_ETATS = ", ".join(etat.value for etat in EtatAvis if etat is not EtatAvis.TO_GATHER)


@app.command("list", cls=FrenchCommand)
def list_notices(
    etat: Annotated[list[EtatAvis] | None, typer.Option("--etat", help=f"{_ETATS} ; plusieurs fois.")] = None,
    nature: Annotated[Avis | None, typer.Option("--nature", help="De quoi l'avis prévient.")] = None,
    demande: Annotated[int | None, typer.Option("--demande", help="Numéro de demande.", min=1)] = None,
    lot: Annotated[int | None, typer.Option("--lot", help="Index de lot.", min=1)] = None,
    email: Annotated[str | None, typer.Option("--email", help="À qui.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="Combien en montrer.")] = 50,
    form: FormOption = Form.TEXTE,
    config: ConfigOption = None,
) -> None:
    """Liste les avis, les derniers d'abord : sur quoi, à qui, état, essais, réponse du serveur de mail."""
    clue = Clue(etat or (), nature, demande, lot, email)
    with at_work(config, None) as here, here.db.read() as session:
        found = list_avis(session, here.plateforme, clue, limit + 1)
    show(ListedAvis._fields, found[:limit], form)
    if len(found) > limit:
        typer.echo(f"... et d'autres : préciser, ou --limit au-delà de {limit}.", err=True)


@app.command("retry", cls=FrenchCommand)
def try_again(
    ids: Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="Avis, par leur id.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Tous ceux qui sont refusés ou attendent un essai.")] = False,  # noqa: FBT002 -- a switch of the command line
    config: ConfigOption = None,
) -> None:
    """Fait essayer à nouveau, tout de suite, des avis refusés ou repoussés ; ce qui est parti ne repart pas."""
    if bool(ids) == every:
        raise OperatorError("des id (igc avis list), ou --all")
    with at_work(config, None) as here, here.db.write() as session:
        done = retry(session, here.plateforme, ids or None, system_clock())
    typer.echo(f"{done} avis à essayer de nouveau.")
