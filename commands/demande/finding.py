"""``igc demande find``: by number, serial, address, structure, beneficiaire or lot."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from commands.operateur.support import Form, FormOption, at_work, show
from commands.options import ConfigOption
from pki.certificates.serials import serial_hex
from registration.demandes.finding import Clue, FoundDemande, find_demandes
from runtime.errors import OperatorError

_HEXADECIMAL = re.compile(r"[0-9a-f]{1,40}")


def run(
    numero: Annotated[
        int | None, typer.Argument(metavar="[NUMERO]", help="Numéro de la demande.", min=1, show_default=False)
    ] = None,
    serial: Annotated[str | None, typer.Option("--serial", help="Numéro de série, en hexadécimal.")] = None,
    email: Annotated[
        str | None, typer.Option("--email", help="Adresse du certificat, de l'acteur ou de la personne à informer.")
    ] = None,
    structure: Annotated[str | None, typer.Option("--structure", help="Identifiant national.")] = None,
    beneficiaire: Annotated[str | None, typer.Option("--beneficiaire", help="Identifiant national.")] = None,
    lot: Annotated[int | None, typer.Option("--lot", help="Index de lot.", min=1)] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Combien en montrer.")] = 50,
    form: FormOption = Form.TEXTE,
    config: ConfigOption = None,
) -> None:
    """Retrouve des demandes, les plus récentes d'abord : numéro, dates, produit, état, qui, certificat, refus."""
    clue = Clue(numero, None if serial is None else _serial(serial), email, structure, beneficiaire, lot)
    if clue == Clue():
        raise OperatorError("un numéro, ou --serial, --email, --structure, --beneficiaire ou --lot")
    with at_work(config, None) as here, here.db.read() as session:
        found = find_demandes(session, here.plateforme, clue, limit + 1)
    show(FoundDemande._fields, found[:limit], form)
    if len(found) > limit:
        typer.echo(f"... et d'autres : préciser, ou --limit au-delà de {limit}.", err=True)


def _serial(text: str) -> str:
    compact = re.sub(r"[ :]", "", text).lower().removeprefix("0x")
    if not _HEXADECIMAL.fullmatch(compact):
        raise OperatorError(f"« {text} » n'est pas un numéro de série en hexadécimal")
    return serial_hex(int(compact, 16))
