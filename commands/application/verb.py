"""``igc application``: register, certify, renew, end and list."""

from __future__ import annotations

import typer

from commands.application.ending import run as end
from commands.application.enrolling import run as enroll
from commands.application.listing import run as list_applications
from commands.application.registering import register, renew
from commands.french import FrenchCommand

app = typer.Typer(
    help="Applications du service web : les inscrire, certifier leur première clé, renouveler, y mettre fin.",
    no_args_is_help=True,
)
app.command("register", cls=FrenchCommand)(register)
app.command("enroll", cls=FrenchCommand)(enroll)
app.command("renew", cls=FrenchCommand)(renew)
app.command("end", cls=FrenchCommand)(end)
app.command("list", cls=FrenchCommand)(list_applications)
