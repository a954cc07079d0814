"""Text files that people write: settings, ceremonies. One rule for what editors add and for what nobody sees."""

from __future__ import annotations

import codecs
from pathlib import Path

from runtime.errors import OperatorError
from runtime.unseen import unseen_in

_LAYOUT = str.maketrans("", "", "\t\r\n")
_WIDE = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class TextFileError(OperatorError):
    """The file cannot be used as text. ``raison`` is French, for the operator; at most one character is quoted."""

    def __init__(self, path: Path, raison: str) -> None:
        super().__init__(f"{path} : {raison}")
        self.path = path
        self.raison = raison


def read_text_file(path: Path) -> str:
    """The text of a UTF-8 file, without the byte order mark that some editors put before it.

    TextFileError when it cannot be read, is in another encoding, or holds a character that nobody sees, which the
    text names with its line: such a one in a name or an address would be another name.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TextFileError(path, f"fichier illisible ({error.strerror})") from None
    if content.startswith(_WIDE):
        raise TextFileError(path, "fichier en UTF-16 ou UTF-32 : l'enregistrer en UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise TextFileError(path, f"ligne {line} : ce n'est pas du texte UTF-8") from None
    for number, line_text in enumerate(text.split("\n"), 1):
        if found := unseen_in(line_text.translate(_LAYOUT)):
            raise TextFileError(path, f"ligne {number} : caractère invisible ({found}), à effacer")
    return text
