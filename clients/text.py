"""Texts that people write with their own editors: encodings, byte order marks, invisible and combining characters."""

from __future__ import annotations

import codecs
import re
import unicodedata
from pathlib import Path

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_FORMLESS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters, marks and signs by their category, and yet without a form: fillers, joiners, variation selectors."""
_NAMES = {
    "\n": "retour à la ligne",
    "\r": "retour à la ligne",
    "\t": "tabulation",
    "\ufeff": "marque d'ordre des octets",
}


class UnreadableTextError(ValueError):
    """A file whose encoding is not accepted; the text is French, without the file's name."""


def read_text(path: Path) -> str:
    """The content of a text file, without its byte order mark.

    UTF-8, or UTF-16 where a mark says so, which is what Windows tools write. Raises OSError, and UnreadableTextError
    naming the line when it is in another encoding.
    """
    content = path.read_bytes()
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _decode(content[len(mark) :], encoding)
    return _decode(content, "utf-8")


def printable(text: str) -> str:
    """The text with what is not Unicode written out: names of files are bytes, and need not be UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def composed(text: str) -> str:
    """The text in the form NFC, in which a character is the same whatever keyboard typed it."""
    return unicodedata.normalize("NFC", text)


def spellings(text: str) -> list[str]:
    """The text as it is, then in its other Unicode forms where they differ (NFC, NFD)."""
    return list(dict.fromkeys((text, composed(text), unicodedata.normalize("NFD", text))))


def invisible_character(text: str) -> str | None:
    """The first character that nobody sees, as a message names it; None when there is none.

    Those are controls, formatting characters such as zero-width spaces, what Unicode does not define, and what it
    draws nothing for. Blanks are seen: they part words.
    """
    for character in text:
        if unicodedata.category(character) in _INVISIBLE or _FORMLESS.match(character):
            name = _NAMES.get(character) or unicodedata.name(character, "caractère de contrôle").lower()
            return f"U+{ord(character):04X}, {name}"
    return None


def untypable_character(text: str) -> str | None:
    """As ``invisible_character``, and blanks other than the keyboard's: who types the text again gets another one."""
    blank = next((sign for sign in text if sign != " " and sign.isspace()), None)
    return invisible_character(text) or (None if blank is None else f"U+{ord(blank):04X}, espace d'une autre sorte")


def _decode(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise UnreadableTextError("le fichier est en UTF-16 abîmé ; enregistrez-le en UTF-8.") from error
        line = content.count(b"\n", 0, error.start) + 1
        if b"\0" in content:
            raise UnreadableTextError("ce n'est pas un fichier de texte en UTF-8.") from error
        raise UnreadableTextError(
            f"le fichier n'est pas en UTF-8 (ligne {line}) ; il est sans doute en Windows-1252 (« ANSI ») : "
            "enregistrez-le en UTF-8, dans un tableur sous la forme « CSV UTF-8 »."
        ) from error
