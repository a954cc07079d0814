"""``igc demande``: find."""

from __future__ import annotations

import typer

from commands.demande.finding import run as find
from commands.french import FrenchCommand

app = typer.Typer(help="Demandes des deux canaux : les retrouver.", no_args_is_help=True)
app.command("find", cls=FrenchCommand)(find)
app.callback()(lambda: None)  # so that a single verb still has to be named
