"""``igc revoke``: by a file of serials, or every certificate of a compromised key."""

from __future__ import annotations

import typer

from commands.revoke_file import run as revoke_file
from commands.revoke_key import run as revoke_key

app = typer.Typer(
    help="Révoque en nombre : les certificats d'un fichier de numéros de série, ou tous ceux d'une clé compromise.",
    no_args_is_help=True,
)
app.command("file")(revoke_file)
app.command("key")(revoke_key)
