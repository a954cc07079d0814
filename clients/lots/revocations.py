"""A table of revocations: CSV, one certificate a line, columns named as in the contract."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from clients.contract.files import MAX_DEMANDES
from clients.contract.revocations import DemandeRevocation, LotRevocations
from clients.contract.schema_check import Problem
from clients.files import existing_path
from clients.lots.file import default_reference
from clients.lots.spreadsheet import Row, Sheet, read_sheet, refused

COLUMNS = {
    "reference": "reference",
    "numeroProduit": "numero_produit",
    "autorite": "autorite",
    "numeroSerie": "numero_serie",
    "motif": "motif",
    "autreMotif": "autre_motif",
    "dateEffet": "date_effet",
    "enTantQue": "en_tant_que",
    "emailActeur": "email_acteur",
}
"""Columns of the table, named as in the contract, and the field each one fills."""

_SHEET = Sheet(columns=COLUMNS, item="révocation")
_ROUNDED = re.compile(r"\d+(?:[.,]\d+E\+?|E\+)\d+", re.IGNORECASE)
"""What a spreadsheet makes of a serial number that it took for a number: most of its digits are lost."""
_MOST_DIGITS = 18
"""Digits of an xs:long, whatever they are."""


def read_revocations(path: Path, *, reference: str | None, defaults: DemandeRevocation) -> LotRevocations:
    """The lot of a table; what a line leaves empty is taken from ``defaults``, the confirmation always.

    The reference is ``reference``, or the name of the file without its suffix. Raises InvalidMessageError with every
    problem found.
    """
    path = existing_path(path)
    rows = read_sheet(path, _SHEET)
    problems: list[Problem] = []
    items = [_item(row, position, defaults, problems) for position, row in enumerate(rows, start=1)]
    if len(items) > MAX_DEMANDES:
        problems.append(Problem(texte=f"{len(items)} révocations ; un lot en contient {MAX_DEMANDES} au plus."))
    if problems:
        raise refused(path, *problems)
    return LotRevocations(reference=reference or default_reference(path), revocation=tuple(items))


def _item(row: Row, position: int, defaults: DemandeRevocation, problems: list[Problem]) -> DemandeRevocation:
    given: dict[str, Any] = {field: row.cells.get(column) for column, field in COLUMNS.items()}
    numero = given["numero_produit"]
    if numero is not None and not (numero.isascii() and numero.isdecimal() and len(numero) <= _MOST_DIGITS):
        texte = f"« {numero} » n'est pas un numéro."
        problems.append(Problem(texte=texte, ligne=row.line, position=position, champ="numeroProduit"))
        numero = "0"
    given["numero_produit"] = None if numero is None else int(numero)
    serie = given["numero_serie"]
    if serie is not None and _ROUNDED.fullmatch(serie):
        texte = f"« {serie} » : un tableur en a fait un nombre ; importez cette colonne comme du texte."
        problems.append(Problem(texte=texte, ligne=row.line, position=position, champ="numeroSerie"))
    for field in COLUMNS.values():
        given[field] = getattr(defaults, field) if given[field] is None else given[field]
    return DemandeRevocation(**given, confirmation=defaults.confirmation)
