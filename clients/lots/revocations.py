"""A table of revocations: CSV, one certificate a line, columns named as in the contract."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from clients.contract.files import MAX_DEMANDES
from clients.contract.revocations import DemandeRevocation, LotRevocations
from clients.contract.schema_check import Problem
from clients.files import existing_path, reason_of
from clients.lots.file import default_reference
from clients.lots.table import refused
from clients.text import UnreadableTextError, read_text

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


def read_revocations(path: Path, *, reference: str | None, defaults: DemandeRevocation) -> LotRevocations:
    """The lot of a table; what a line leaves empty is taken from ``defaults``, the confirmation always.

    The reference is ``reference``, or the name of the file without its suffix. Raises InvalidMessageError with every
    problem found.
    """
    path = existing_path(path)
    lines = _lines(path)
    columns = [cell.strip() for cell in lines[0]] if lines else []
    unknown = [column for column in columns if column not in COLUMNS]
    if unknown or not columns:
        texte = f"colonnes inconnues : {', '.join(unknown) or 'aucune lue'} ; colonnes permises : {', '.join(COLUMNS)}."
        raise refused(path, Problem(texte=texte, ligne=1))
    problems: list[Problem] = []
    items = [
        _item(dict(zip(columns, cells, strict=False)), line, defaults, problems)
        for line, cells in enumerate(lines[1:], 2)
        if any(cell.strip() for cell in cells)
    ]
    if not 1 <= len(items) <= MAX_DEMANDES:
        problems.append(Problem(texte=f"de 1 à {MAX_DEMANDES} lignes sont attendues sous celle des colonnes."))
    if problems:
        raise refused(path, *problems)
    return LotRevocations(reference=reference or default_reference(path), revocation=tuple(items))


def _lines(path: Path) -> list[list[str]]:
    try:
        text = read_text(path)
    except OSError as error:
        raise refused(path, Problem(texte=f"le fichier ne peut pas être lu : {reason_of(error)}.")) from error
    except UnreadableTextError as error:
        raise refused(path, Problem(texte=str(error))) from error
    first = text.partition("\n")[0]
    separator = max(";,\t", key=first.count)
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise refused(path, Problem(texte="CSV mal formé (guillemets).")) from error


def _item(cells: dict[str, str], line: int, defaults: DemandeRevocation, problems: list[Problem]) -> DemandeRevocation:
    given: dict[str, str | int | bool | None] = {
        field: cells.get(column, "").strip() or getattr(defaults, field) for column, field in COLUMNS.items()
    }
    numero = given["numero_produit"]
    if isinstance(numero, str):
        if not numero.isdecimal() or not numero.isascii() or len(numero) > 18:  # noqa: PLR2004 -- digits of an xs:long
            problems.append(Problem(texte=f"« {numero} » n'est pas un numéro.", ligne=line, champ="numeroProduit"))
            numero = "0"
        given["numero_produit"] = int(numero)
    return DemandeRevocation(**given, confirmation=defaults.confirmation)  # type: ignore[arg-type]  # checked above
