"""Values in the cells of CSV files that people open in spreadsheets."""

from __future__ import annotations

# Signs by which spreadsheets take a text for a formula, their full-width twins included.
_FORMULA_SIGNS = frozenset("=+-@＝＋－＠")


def cell(value: object) -> str:
    """The text of a cell; one that a spreadsheet would compute gets an apostrophe in front, which it hides."""
    text = "" if value is None else str(value)
    if text[:1].isalnum():
        return text
    # Blanks and invisible characters in front do not stop a spreadsheet.
    first = next((character for character in text if character.isprintable() and not character.isspace()), "")
    return f"'{text}" if first in _FORMULA_SIGNS or text[:1] in {"\t", "\r", "\n"} else text
