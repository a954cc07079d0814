"""``igc revoke``: by numbers of demandes, a file of serials, or every certificate of a compromised key."""

from __future__ import annotations

import typer

from commands.french import FrenchCommand
from commands.revoke.demande import run as revoke_demande
from commands.revoke.file import run as revoke_file
from commands.revoke.key import run as revoke_key

app = typer.Typer(
    help="Révoque les certificats de demandes, d'un fichier de numéros de série, ou tous ceux d'une clé compromise.",
    no_args_is_help=True,
)
app.command("demande", cls=FrenchCommand)(revoke_demande)
app.command("file", cls=FrenchCommand)(revoke_file)
app.command("key", cls=FrenchCommand)(revoke_key)
