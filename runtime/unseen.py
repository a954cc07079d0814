"""Characters that nobody sees: what people type or paste must not hide any where it decides something."""

from __future__ import annotations

import re
import unicodedata

# Control, format (zero-width and bidirectional ones among them), private, surrogate and unassigned code points;
# separators of lines.
_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
# Letters, marks and signs by their category, and yet without a form: fillers, joiners, variation selectors
# (Default_Ignorable_Code_Point, Unicode 15.0, what the categories above leave of it), and the blank of Braille.
_FORMLESS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def unseen_in(text: str) -> str | None:
    """The first character of a text that has no form, as ``U+200B``; None when everything can be seen.

    Blanks are seen, for they part words; line ends and tabs are not.
    """
    # Printable excludes these categories, and blanks besides: the common case costs no look at each character.
    if text.isprintable() and not _FORMLESS.search(text):
        return None
    for sign in text:
        if unicodedata.category(sign) in _CATEGORIES or _FORMLESS.fullmatch(sign):
            return f"U+{ord(sign):04X}"
    return None


def untypable_in(text: str) -> str | None:
    """As ``unseen_in``, and other blanks than the one of the keyboard: who types the text again gets another one."""
    if found := unseen_in(text):
        return found
    blank = next((sign for sign in text if sign != " " and sign.isspace()), None)
    return None if blank is None else f"U+{ord(blank):04X}"
