"""Extracts as files: plain or zipped, read line by line in little memory, whatever stands in them."""

from __future__ import annotations

import csv
import hashlib
import io
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from registration.directory.entries import ExtractError, Line, Reject

_LONGEST_LINE = 64 * 1024
_BLOCK = 1024 * 1024
_TEXTS_KNOWN = 20_000
_ZIP = b"PK\x03\x04"
_WHOLE_LINE = "ligne"
"""In the place of a column, where the whole line is at fault."""


class FieldRefusedError(Exception):
    """A value of a line cannot be used."""

    def __init__(self, colonne: str, raison: str) -> None:
        super().__init__(raison)
        self.colonne, self.raison = colonne, raison


class Raw(NamedTuple):
    """A line without its end: its number from 1, its text, or why it cannot be read; whether its end was there."""

    number: int
    text: str
    fault: str | None
    is_ended: bool

    def rejected(self, error: FieldRefusedError | None = None, seen: tuple[str, ...] = ()) -> Line:
        """The line as one that says nothing, because of one of its fields, or of its own fault."""
        reject = (
            Reject(self.number, _WHOLE_LINE, self.fault or "")
            if error is None
            else Reject(self.number, error.colonne, error.raison)
        )
        return Line(self.number, rejects=(reject,), seen=seen)


class ExtractFile:
    """A file, or the one file of a zip archive whose name begins with ``member``."""

    def __init__(self, path: Path, encoding: str, member: str = "") -> None:
        """Nothing is opened here."""
        self._path, self._encoding, self._member = path, encoding, member

    @property
    def name(self) -> str:
        """The name of the file, without its folder."""
        return self._path.name

    def digest(self) -> bytes:
        """SHA-256 of the extract, unpacked."""
        found = hashlib.sha256()
        with self._opened() as file:
            while block := file.read(_BLOCK):
                found.update(block)
        return found.digest()

    def lines(self) -> Iterator[Raw]:
        """Every line; without the byte order mark and the line ends of whatever system."""
        with self._opened() as file:
            number = 0
            while line := file.readline(_LONGEST_LINE):
                number += 1
                is_ended = line.endswith(b"\n")
                if not is_ended and len(line) >= _LONGEST_LINE:
                    is_ended = _skip_line(file)
                    yield Raw(number, "", f"plus de {_LONGEST_LINE} octets", is_ended)
                    continue
                yield self._decoded(number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line, is_ended)

    def _decoded(self, number: int, line: bytes, is_ended: bool) -> Raw:  # noqa: FBT001 -- handed on
        try:
            text = line.decode(self._encoding).rstrip("\r\n")
        except UnicodeDecodeError:
            return Raw(number, "", f"des octets ne sont pas du texte en {self._encoding.upper()}", is_ended)
        fault = "caractère nul (U+0000)" if "\0" in text else None
        return Raw(number, text, fault, is_ended)

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        try:
            with self._path.open("rb") as file:
                if not file.peek(len(_ZIP)).startswith(_ZIP):
                    yield file
                    return
                with zipfile.ZipFile(file) as archive, archive.open(self._named(archive)) as member:
                    yield io.BufferedReader(cast("io.RawIOBase", member), _BLOCK)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise ExtractError(f"{self.name} : archive zip abîmée, coupée ou chiffrée") from error

    def _named(self, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
        members = [
            one
            for one in archive.infolist()
            if not one.is_dir() and one.filename.split("/")[-1].startswith(self._member)
        ]
        if len(members) != 1:
            wanted = f"un fichier {self._member}..." if self._member else "un seul fichier"
            raise ExtractError(f"{self.name} : {wanted} attendu dans l'archive zip, {len(members)} trouvés")
        return members[0]


class OfFile:
    """What every extract says of its file."""

    def __init__(self, file: ExtractFile) -> None:
        self._file = file

    @property
    def name(self) -> str:
        """The name of the file, without its folder."""
        return self._file.name

    def digest(self) -> bytes:
        """SHA-256 of the extract, unpacked."""
        return self._file.digest()


def _skip_line(file: BinaryIO) -> bool:
    """Go to the next line; whether there was an end to this one."""
    while part := file.readline(_LONGEST_LINE):
        if part.endswith(b"\n"):
            return True
    return False


def refuse_if_cut(file: ExtractFile, raw: Raw, found: int, wanted: int) -> None:
    """ExtractError for a last line without its end that lacks columns: the file was cut while it came here."""
    if not raw.is_ended and found < wanted:
        raise ExtractError(
            f"{file.name} : la dernière ligne ({raw.number}) s'arrête au milieu, fichier coupé. Rien n'est écrit"
        )


def places_of(file: ExtractFile, header: Sequence[str], columns: Sequence[str]) -> list[int]:
    """Where each column stands, by the names of a header; ExtractError names those that lack, or stand there twice."""
    names = [_plain(name) for name in header]
    lacking = [column for column in columns if _plain(column) not in names]
    if lacking:
        raise ExtractError(f"{file.name} : colonne absente de l'en-tête : {', '.join(lacking)}. Rien n'est écrit")
    twice = [column for column in columns if names.count(_plain(column)) > 1]
    if twice:
        raise ExtractError(f"{file.name} : colonne présente deux fois : {', '.join(twice)}. Rien n'est écrit")
    return [names.index(_plain(column)) for column in columns]


def _plain(name: str) -> str:
    # The publisher has changed his mind about capitals, and some tools change the apostrophe.
    return unicodedata.normalize("NFC", " ".join(name.replace("’", "'").split())).casefold()


def split_quoted(line: str, separator: str) -> list[str]:
    """The fields of a line of a spreadsheet; FieldRefusedError for quotes that do not close."""
    try:
        rows = list(csv.reader([line], delimiter=separator, strict=True))
    except csv.Error:
        raise FieldRefusedError(_WHOLE_LINE, "guillemets mal fermés, ou retour à la ligne dans une valeur") from None
    return rows[0] if rows else []


def clean(value: str) -> str:
    """A value without what nobody sees around it: one space for several, accents composed (NFC)."""
    text = " ".join(value.split())
    return text if text.isascii() else unicodedata.normalize("NFC", text)


@lru_cache(maxsize=_TEXTS_KNOWN)
def text_of(value: str, colonne: str, longest: int) -> str:
    """A value that must be there, as text; FieldRefusedError when it is not, is too long or holds what nobody sees."""
    text = clean(value)
    if not text:
        raise FieldRefusedError(colonne, "valeur absente")
    if len(text) > longest:
        raise FieldRefusedError(colonne, f"plus de {longest} caractères")
    if not text.isprintable():
        raise FieldRefusedError(colonne, "caractère invisible")
    return text
