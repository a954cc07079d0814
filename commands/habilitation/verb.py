"""``igc habilitation``: grant, end, import and list."""

from __future__ import annotations

import typer

from commands.french import FrenchCommand
from commands.habilitation.importing import run as import_file
from commands.habilitation.listing import run as list_habilitations
from commands.habilitation.settling import end, grant

app = typer.Typer(
    help="Habilitations d'administrateur technique : les donner, les retirer, une à une ou par fichier, les lister.",
    no_args_is_help=True,
)
app.command("grant", cls=FrenchCommand)(grant)
app.command("end", cls=FrenchCommand)(end)
app.command("import", cls=FrenchCommand)(import_file)
app.command("list", cls=FrenchCommand)(list_habilitations)
