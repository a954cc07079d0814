"""Lists as CSV files for spreadsheets: UTF-8 with its mark and ``;``, as the portal writes them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from clients.cli.display import show
from clients.files import write_atomically

# Signs by which spreadsheets take a text for a formula, their full-width twins included.
_FORMULA_SIGNS = frozenset("=+-@＝＋－＠")


def write_csv(path: Path, columns: Sequence[tuple[str, str]], found: Iterable[object]) -> None:
    """A line for each value, with its members under their labels; ``columns`` are (label, member).

    The file is there whole or as it was: OSError when it cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow([label for label, _ in columns])
    writer.writerows([cell(show(getattr(value, name))) for _, name in columns] for value in found)
    write_atomically(path, text.getvalue().encode("utf-8-sig"))


def cell(text: str) -> str:
    """The text of a cell; one that a spreadsheet would compute gets an apostrophe in front, which it hides."""
    # Blanks and invisible characters in front do not stop a spreadsheet.
    first = next((character for character in text if character.isprintable() and not character.isspace()), "")
    return f"'{text}" if first in _FORMULA_SIGNS or text[:1] in {"\t", "\r", "\n"} else text
