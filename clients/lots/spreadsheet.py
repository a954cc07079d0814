"""A CSV table as people make it in a spreadsheet, one item a line, columns named as in the contract.

What a spreadsheet adds is taken away (byte order mark, ``sep=``, empty columns and lines, blanks around values); what
cannot be what its author meant is refused with its line: another encoding, invisible characters, the same line twice.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from clients.contract.schema_check import InvalidMessageError, Problem
from clients.files import reason_of
from clients.text import UnreadableTextError, composed, invisible_character, read_text

_SEPARATORS = ";,\t"
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\r?\n')
"""What Excel puts first to say which separator follows."""
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How .xlsx and .ods, and the older .xls, begin."""


def _nothing_required(_columns: Collection[str | None]) -> list[str]:
    return []


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """What a table may hold: its ``columns`` with the field each one fills, and how its items are called.

    ``missing`` says which columns a header should have had besides its own. A value of the columns ``verbatim`` keeps
    its Unicode form, as names of files must; one of the columns ``listing`` may stand on several lines of its cell.
    """

    columns: Mapping[str, str]
    item: str
    missing: Callable[[Collection[str | None]], list[str]] = _nothing_required
    verbatim: frozenset[str] = frozenset()
    listing: frozenset[str] = frozenset()

    def column_named(self, title: str) -> str | None:
        """The column meant by a title, whatever its case, accents and blanks."""
        plain = "".join(sign for sign in unicodedata.normalize("NFKD", title).casefold() if sign.isalnum())
        return next((column for column in self.columns if column.casefold() == plain), None)


class Row(msgspec.Struct, frozen=True):
    """One item of a table: ``line`` in the file, and its values by column, empty ones left out."""

    line: int
    cells: dict[str, str]


def read_sheet(path: Path, sheet: Sheet) -> list[Row]:
    """The items of a table, blanks trimmed, texts in NFC. Raises InvalidMessageError with every problem found."""
    text = _text_of(path)
    declared = _SEPARATOR_LINE.match(text)
    separator = declared[1] if declared else _separator_of(text, sheet)
    lines = list(_lines_of(path, text, separator))
    if declared:
        del lines[0]
    if not lines:
        raise refused(path, Problem(texte="le fichier est vide ; sa première ligne nomme les colonnes."))
    (header_line, header), *others = lines
    columns = _columns_of(path, sheet, header_line, header, [cells for _, cells in others])
    problems: list[Problem] = []
    rows: list[Row] = []
    for line, cells in others:
        row = _row_of(sheet, line, cells, columns, problems, position=len(rows) + 1)
        if row.cells:
            rows.append(row)
    problems += _repeated(sheet, rows)
    if not rows:
        problems.append(Problem(texte=f"il n'y a aucune {sheet.item} sous la ligne des colonnes.", ligne=header_line))
    if problems:
        raise refused(path, *sorted(problems, key=lambda problem: problem.ligne or 0))
    return rows


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


def _separator_of(text: str, sheet: Sheet) -> str:
    """The separator under which the first line names the most columns of ours."""
    first = text.lstrip().partition("\n")[0]

    def known(separator: str) -> int:
        return sum(sheet.column_named(cell.strip('" \r')) is not None for cell in first.split(separator))

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


def _columns_of(
    path: Path, sheet: Sheet, line: int, header: Sequence[str], others: Sequence[Sequence[str]]
) -> list[str | None]:
    """The column of each place, None where there is neither a title nor anything below it."""
    columns: list[str | None] = []
    problems: list[Problem] = []
    unknown: list[str] = []
    width = max(len(header), *(len(cells) for cells in others), 0)
    for place in range(width):
        title = header[place].strip() if place < len(header) else ""
        column = sheet.column_named(title)
        if title and column is None:
            unknown.append(title)
        if column is not None and column in columns:
            problems.append(Problem(texte=f"la colonne {column} est en double.", ligne=line))
        columns.append(column)
    if unknown:
        texte = f"colonnes inconnues : {', '.join(unknown)} ; colonnes permises : {', '.join(sheet.columns)}."
        problems.append(Problem(texte=texte, ligne=line))
    missing = sheet.missing(set(columns))
    if missing:
        problems.append(Problem(texte=f"colonnes absentes : {', '.join(missing)}.", ligne=line))
    if problems:
        raise refused(path, *problems)
    return columns


def _row_of(
    sheet: Sheet,
    line: int,
    cells: Sequence[str],
    columns: Sequence[str | None],
    problems: list[Problem],
    *,
    position: int,
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
        hidden = invisible_character(" ".join(value.split()) if column in sheet.listing else value)
        if hidden is not None:
            texte = f"caractère invisible ({hidden}) ; retapez la valeur."
            problems.append(Problem(texte=texte, ligne=line, position=position, champ=column))
        values[column] = value if column in sheet.verbatim else composed(value)
    return Row(line, values)


def _repeated(sheet: Sheet, rows: Sequence[Row]) -> Iterator[Problem]:
    """Lines that say again what a line above says: an item more than was meant, or files of one name."""
    whole: dict[tuple[tuple[str, str], ...], int] = {}
    references: dict[str, int] = {}
    for position, row in enumerate(rows, start=1):
        same = whole.setdefault(tuple(sorted(row.cells.items())), row.line)
        reference = row.cells.get("reference")
        first = row.line if reference is None else references.setdefault(reference, row.line)
        if same != row.line:
            texte = f"même ligne que la ligne {same} ; si ce sont deux {sheet.item}s, donnez-leur deux références."
            yield Problem(texte=texte, ligne=row.line, position=position)
        elif first != row.line:
            texte = f"même référence que la ligne {first}."
            yield Problem(texte=texte, ligne=row.line, position=position, champ="reference")
