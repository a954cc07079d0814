"""A file of serials to revoke: read whole and checked line by line before anything is done with it.

One certificate a line: serial; authority; reason, of which only the first must be there. ``;`` or ``,`` separates,
``#`` begins a comment, a line that begins with ``serie`` or ``serial`` is a header. UTF-8.

As spreadsheets write it: byte order marks, also in the middle of files that were joined; ``sep=;``; tabs; quotes and
``="..."`` around a value; empty columns at the end; an accent of Windows-1252 in the header. What a spreadsheet has
made of a serial that looked like a number is told, for its digits are lost.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from pki.certificates.serials import serial_hex
from pki.status.reasons import REASONS
from runtime.unseen import untypable_in

MAX_LINE_BYTES = 1_000
_SHOWN = 20  # a screenful
_SHOWN_LENGTH = 48  # less than a line of a PEM file: nothing that was named by mistake is printed
_COLUMNS = 3
_MAX_SERIAL_BITS = 159  # 20 octets, positive (RFC 5280 §4.1.2.2)
_HEADERS = {"serie", "série", "serial"}
_HEXADECIMAL = re.compile(r"[0-9a-f]{2}(?:[: ][0-9a-f]{2})*|(?:0x)?[0-9a-f]+")
_SPREADSHEET_NUMBER = re.compile(r"[0-9]+[.,][0-9]+(?:e[+-]?[0-9]+)?|[0-9]+e\+[0-9]+")
_SEPARATOR_LINE = re.compile(r"sep=[;,\t]")
_BOM = "\ufeff"
_REASONS = {name.lower(): name for name in REASONS}


class Line(NamedTuple):
    """A certificate to revoke: number of its line, serial as it is stored, authority if it is given, reason."""

    number: int
    serial: str
    autorite: str | None
    raison: str


@dataclass(frozen=True, slots=True)
class RevocationFile:
    """What a file asks for. ``duplicates`` repeat an earlier line: (line, earlier line); they are not in ``lines``."""

    lines: list[Line] = field(default_factory=list)
    duplicates: list[tuple[int, int]] = field(default_factory=list)


class RevocationFileError(Exception):
    """The file cannot be used, and nothing of it was done. ``faults`` are (line, French text); all of them.

    The text of the error names a screenful of them.
    """

    def __init__(self, faults: list[tuple[int, str]]) -> None:
        shown = [f"ligne {number} : {text}" for number, text in faults[:_SHOWN]]
        if len(faults) > _SHOWN:
            shown.append(f"... et {len(faults) - _SHOWN} autres lignes fautives")
        super().__init__("\n".join(shown))
        self.faults = faults


class _LineError(Exception):
    """What is wrong with a line, in French."""


def read_revocations(content: Iterable[bytes], raison: str | None, authorities: Collection[str]) -> RevocationFile:
    """The certificates that a file asks to revoke, for ``raison`` where a line gives none.

    ``content`` is the file by lines, ``authorities`` the short names that may stand in it. RevocationFileError when
    it asks for nothing, when a line cannot be read, or when two lines of one serial contradict each other.
    """
    found = RevocationFile()
    faults: list[tuple[int, str]] = []
    seen: dict[str, list[Line]] = {}
    for number, raw in enumerate(content, start=1):
        try:
            line = _read_line(number, raw, raison, authorities)
            if line is not None:
                _add(found, seen, line)
        except _LineError as error:
            faults.append((number, str(error)))
    if not faults and not found.lines:
        faults.append((1, "aucun numéro de série dans ce fichier"))
    if faults:
        raise RevocationFileError(faults)
    return found


def _read_line(number: int, raw: bytes, raison: str | None, authorities: Collection[str]) -> Line | None:
    """None for a line without content, a comment and the header."""
    text = _decode(number, raw).removeprefix(_BOM).partition("#")[0].strip()
    if not text or _SEPARATOR_LINE.fullmatch(text):
        return None
    cells = _cells(text)
    if not any(cells) or cells[0].lower() in _HEADERS:
        return None
    while len(cells) > 1 and not cells[-1]:
        cells.pop()
    if len(cells) > _COLUMNS:
        raise _LineError("plus de trois colonnes (série ; autorité ; raison)")
    serial, autorite, reason = (*cells, "", "")[:_COLUMNS]
    return Line(number, _serial(serial), _autorite(autorite, authorities), _raison(reason, raison))


def _decode(number: int, raw: bytes) -> str:
    if b"\r" in raw.rstrip(b"\r\n"):
        raise _LineError("fins de ligne anciennes (CR seul) : enregistrer le fichier en CSV UTF-8")
    if len(raw) > MAX_LINE_BYTES:
        raise _LineError(f"plus de {MAX_LINE_BYTES} octets")
    if number == 1 and raw.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        raise _LineError("fichier en UTF-16 : l'enregistrer en CSV UTF-8")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        # Only a header has accents, and it says nothing that is needed.
        text = raw.decode("cp1252", "replace")
        if _cells(text)[0].lower() in _HEADERS:
            return text
        raise _LineError("ce n'est pas du texte UTF-8") from None


def _cells(text: str) -> list[str]:
    separator = next((sign for sign in ";," if sign in text), "\t")
    return [cell.strip().removeprefix("=").strip('"').strip() for cell in text.strip().split(separator)]


def _serial(text: str) -> str:
    compact = text.lower()
    if found := untypable_in(text):
        raise _LineError(f"« {_shown(text)} » contient un caractère invisible ({found}), à effacer")
    if _SPREADSHEET_NUMBER.fullmatch(compact):
        raise _LineError(
            f"« {_shown(text)} » a été changé par un tableur, qui y a lu un nombre : importer la colonne comme texte"
        )
    if not _HEXADECIMAL.fullmatch(compact):
        raise _LineError(f"« {_shown(text)} » n'est pas un numéro de série en hexadécimal")
    value = int(compact.removeprefix("0x").replace(":", "").replace(" ", ""), 16)
    if not 0 < value < 1 << _MAX_SERIAL_BITS:
        raise _LineError("un numéro de série est positif et a 20 octets au plus")
    return serial_hex(value)


def _autorite(text: str, authorities: Collection[str]) -> str | None:
    if text and text not in authorities:
        known = ", ".join(sorted(authorities))
        raise _LineError(f"autorité inconnue « {_shown(text)} » (connues : {known})")
    return text or None


def _raison(text: str, default: str | None) -> str:
    name = _REASONS.get(text.lower()) if text else default
    if name is None:
        what = f"raison inconnue « {_shown(text)} »" if text else "aucune raison, ni ici ni pour tout le fichier"
        raise _LineError(f"{what} (connues : {', '.join(REASONS)})")
    return name


def _shown(text: str) -> str:
    printable = "".join(sign if sign.isprintable() else "?" for sign in text)
    return printable if len(printable) <= _SHOWN_LENGTH else f"{printable[:10]}... ({len(text)} signes)"


def _add(found: RevocationFile, seen: dict[str, list[Line]], line: Line) -> None:
    """A serial may stand again with the same authority and reason, or for another authority."""
    earlier = seen.setdefault(line.serial, [])
    for other in earlier:
        if other.autorite == line.autorite and other.raison == line.raison:
            found.duplicates.append((line.number, other.number))
            return
        if other.autorite == line.autorite or not (other.autorite and line.autorite):
            raise _LineError(f"même série qu'à la ligne {other.number}, mais une autre autorité ou une autre raison")
    earlier.append(line)
    found.lines.append(line)
