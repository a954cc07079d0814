"""``igc application list``: every application with its certificates, or those of which one ends soon."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import typer

from commands.composition import Instance
from commands.operateur.support import Form, FormOption, at_work, show
from commands.options import ConfigOption
from registration.acteurs.listing import ApplicationLine, list_applications
from runtime.clock import system_clock

_COLUMNS = ("identifiant", "libelle", "autorite", "serie", "inscrite_le", "fin", "etat", "motif_fin")


def run(
    ends_within: Annotated[
        int | None,
        typer.Option("--ends-within", min=0, metavar="JOURS", help="Ceux qui finissent d'ici à ce nombre de jours."),
    ] = None,
    form: FormOption = Form.TEXTE,
    config: ConfigOption = None,
) -> None:
    """Liste les applications : identifiant ; libellé ; AC ; série ; inscrite le ; fin ; état ; motif de la fin."""
    with at_work(config, None) as here:
        now = system_clock()
        with here.db.read() as session:
            lines = list_applications(session, here.plateforme)
        if ends_within is not None:
            last = now + timedelta(days=ends_within)
            lines = [line for line in lines if line.ends is not None and now < line.ends <= last]
        show(_COLUMNS, [_row(here, line, now) for line in lines], form)


def _row(here: Instance, line: ApplicationLine, now: datetime) -> tuple[object, ...]:
    names = {authority.name_hash: name for name, authority in here.client_authorities.items()}
    issuer = None if line.issuer_sha256 is None else names.get(line.issuer_sha256, line.issuer_sha256.hex())
    etat = _etat(line, now)
    return (line.id_national, line.libelle, issuer, line.serial, line.inscrite_le, line.ends, etat, line.motif_fin)


def _etat(line: ApplicationLine, now: datetime) -> str:
    if line.serial is None:
        return "sans certificat"
    return "terminé" if line.ends is not None and line.ends <= now else "en vigueur"
