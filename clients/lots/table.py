"""A table of demandes as people make it in a spreadsheet: CSV, one demande a line, columns named as in the contract.

What a spreadsheet adds is taken away (byte order mark, ``sep=``, empty columns and lines, blanks around values); what
cannot be what its author meant is refused with its line: another encoding, invisible characters, the same line twice.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from clients.contract.schema_check import InvalidMessageError, Problem
from clients.contract.values import DemandeCertificat
from clients.files import reason_of
from clients.text import UnreadableTextError, composed, invisible_character, read_text

COLUMNS = {
    "reference": "reference",
    "renouvelle": "renouvelle",
    "renouvelleAutorite": "renouvelle_autorite",
    "renouvelleSerie": "renouvelle_serie",
    "offre": "offre",
    "usage": "usage",
    "structure": "structure",
    "beneficiaire": "beneficiaire",
    "serviceApplicatif": "service_applicatif",
    "adresseEmail": "adresse_email",
    "fqdn": "fqdn",
    "upn": "upn",
    "emailActeur": "email_acteur",
    "emailInforme": "email_informe",
    "csr": "csr",
}
"""Columns of a table, named as in the contract, and the field each one fills."""

_REQUIRED_COLUMNS = ("offre", "usage", "emailActeur")
_RENEWAL_COLUMNS = frozenset({"renouvelle", "renouvelleAutorite", "renouvelleSerie"})
"""A line with one of them renews a certificate, and names nothing of the product."""
_SEPARATORS = ";,\t"
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\r?\n')
"""What Excel puts first to say which separator follows."""
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How .xlsx and .ods, and the older .xls, begin."""


class Row(msgspec.Struct, frozen=True):
    """One demande of a table: ``line`` in the file, and its values by column, empty ones left out."""

    line: int
    cells: dict[str, str]


def read_rows(path: Path) -> list[Row]:
    """The demandes of a table, blanks trimmed, texts in NFC. Raises InvalidMessageError with every problem found."""
    text = _text_of(path)
    declared = _SEPARATOR_LINE.match(text)
    separator = declared[1] if declared else _separator_of(text)
    lines = list(_lines_of(path, text, separator))
    if declared:
        del lines[0]
    if not lines:
        raise refused(path, Problem(texte="le fichier est vide ; sa première ligne nomme les colonnes."))
    (header_line, header), *others = lines
    columns = _columns_of(path, header_line, header, [cells for _, cells in others])
    problems: list[Problem] = []
    rows: list[Row] = []
    for line, cells in others:
        row = _row_of(line, cells, columns, problems, position=len(rows) + 1)
        if row.cells:
            rows.append(row)
    problems += _repeated(rows)
    if not rows:
        problems.append(Problem(texte="il n'y a aucune demande sous la ligne des colonnes.", ligne=header_line))
    if problems:
        raise refused(path, *sorted(problems, key=lambda problem: problem.ligne or 0))
    return rows


def demande_of(cells: dict[str, str], csr: bytes) -> DemandeCertificat:
    """The demande of one line; ``fqdn`` holds one or more names separated by blanks or commas."""
    members: dict[str, Any] = {COLUMNS[column]: value for column, value in cells.items() if column != "csr"}
    members["fqdn"] = tuple(name for name in re.split(r"[\s,]+", cells.get("fqdn", "")) if name)
    required = {} if _RENEWAL_COLUMNS & cells.keys() else {COLUMNS[column]: "" for column in _REQUIRED_COLUMNS}
    return DemandeCertificat(**{**required, **members, "csr": csr})


def refused(path: Path, *problems: Problem) -> InvalidMessageError:
    """The error that tells what is wrong with the lot or table kept in this file."""
    return InvalidMessageError(problems, subject=f"Le lot {path}")


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            if stream.read(4) in _WORKBOOKS:
                texte = "c'est un classeur, pas un CSV : enregistrez-le sous la forme « CSV UTF-8 »."
                raise refused(path, Problem(texte=texte))
        return read_text(path)
    except OSError as error:
        raise refused(path, Problem(texte=f"le fichier ne peut pas être lu : {reason_of(error)}.")) from error
    except UnreadableTextError as error:
        raise refused(path, Problem(texte=str(error))) from error


def _separator_of(text: str) -> str:
    """The separator under which the first line names the most columns of ours."""
    first = text.lstrip().partition("\n")[0]

    def known(separator: str) -> int:
        return sum(_column_named(cell.strip('" \r')) is not None for cell in first.split(separator))

    return max(_SEPARATORS, key=known)


def _lines_of(path: Path, text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    begins = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        texte = "CSV mal formé (guillemets) : un guillemet ouvert n'est pas fermé, ou du texte suit celui qui ferme."
        raise refused(path, Problem(texte=texte, ligne=begins)) from error


def _columns_of(path: Path, line: int, header: Sequence[str], others: Sequence[Sequence[str]]) -> list[str | None]:
    """The column of each place, None where there is neither a title nor anything below it."""
    columns: list[str | None] = []
    problems: list[Problem] = []
    unknown: list[str] = []
    width = max(len(header), *(len(cells) for cells in others), 0)
    for place in range(width):
        title = header[place].strip() if place < len(header) else ""
        column = _column_named(title)
        if title and column is None:
            unknown.append(title)
        if column is not None and column in columns:
            problems.append(Problem(texte=f"la colonne {column} est en double.", ligne=line))
        columns.append(column)
    if unknown:
        texte = f"colonnes inconnues : {', '.join(unknown)} ; colonnes permises : {', '.join(COLUMNS)}."
        problems.append(Problem(texte=texte, ligne=line))
    renews = bool(_RENEWAL_COLUMNS & set(columns))
    missing = [] if renews else [column for column in _REQUIRED_COLUMNS if column not in columns]
    if missing:
        problems.append(Problem(texte=f"colonnes absentes : {', '.join(missing)}.", ligne=line))
    if problems:
        raise refused(path, *problems)
    return columns


def _column_named(title: str) -> str | None:
    """The column meant by a title, whatever its case, accents and blanks."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", title).casefold() if sign.isalnum())
    return next((column for column in COLUMNS if column.casefold() == plain), None)


def _row_of(
    line: int, cells: Sequence[str], columns: Sequence[str | None], problems: list[Problem], *, position: int
) -> Row:
    values: dict[str, str] = {}
    for place, cell in enumerate(cells):
        value = cell.strip()
        column = columns[place]
        if not value:
            continue
        if column is None:
            texte = f"« {value} » est dans la colonne {place + 1}, sans titre : plus de colonnes que l'en-tête."
            problems.append(Problem(texte=texte, ligne=line, position=position))
            continue
        hidden = invisible_character(" ".join(value.split()) if column == "fqdn" else value)
        if hidden is not None:
            texte = f"caractère invisible ({hidden}) ; retapez la valeur."
            problems.append(Problem(texte=texte, ligne=line, position=position, champ=column))
        # The name of a file is whatever the file system says; all else means the same in its composed form.
        values[column] = value if column == "csr" else composed(value)
    return Row(line, values)


def _repeated(rows: Sequence[Row]) -> Iterator[Problem]:
    """Lines that say again what a line above says: a certificate more than was meant, or files of one name."""
    whole: dict[tuple[tuple[str, str], ...], int] = {}
    references: dict[str, int] = {}
    for position, row in enumerate(rows, start=1):
        same = whole.setdefault(tuple(sorted(row.cells.items())), row.line)
        reference = row.cells.get("reference")
        first = row.line if reference is None else references.setdefault(reference, row.line)
        if same != row.line:
            texte = f"même ligne que la ligne {same} ; si ce sont deux demandes, donnez-leur deux références."
            yield Problem(texte=texte, ligne=row.line, position=position)
        elif first != row.line:
            texte = f"même référence que la ligne {first}."
            yield Problem(texte=texte, ligne=row.line, position=position, champ="reference")
