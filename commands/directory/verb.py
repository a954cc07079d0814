"""``igc directory``: what enters the directory, what entered it, and a look into it."""

from __future__ import annotations

import typer

from commands.directory.finding import run as find
from commands.directory.importing import run as import_file
from commands.directory.listing import run as list_imports
from commands.french import FrenchCommand

app = typer.Typer(
    help="L'annuaire des structures et des personnes : le remplir, voir ce qui y est entré, y chercher.",
    no_args_is_help=True,
)
app.command("import", cls=FrenchCommand)(import_file)
app.command("imports", cls=FrenchCommand)(list_imports)
app.command("find", cls=FrenchCommand)(find)
