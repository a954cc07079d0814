"""The files of an operator: structures that no extract has, and the staff (PE, PA) whom the public extract leaves out.

UTF-8, ``;``, comma or tabulator, quotes of a spreadsheet; a header with the names of the columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TypeVar

from batch.directory.files import (
    ExtractFile,
    FieldRefusedError,
    OfFile,
    Raw,
    places_of,
    refuse_if_cut,
    split_quoted,
    text_of,
)
from registration.directory.entries import ExtractError, Line, PersonneEntry, RattachementEntry, StructureEntry
from registration.rules import departements
from registration.rules.identifiers import IdentifierError, check_personne, check_structure
from registration.rules.limits import is_personne, is_structure
from registration.vocabulary import SourceAnnuaire, TypePersonne
from storage.tables.directory import NOM_LENGTH, RAISON_SOCIALE_LENGTH, TITRE_LENGTH

_T = TypeVar("_T")
_SEPARATORS = ";,\t"
STRUCTURE_COLUMNS = ("identifiant", "raison_sociale", "departement")
STAFF_COLUMNS = ("identifiant", "type", "nom", "prenom", "titre", "structure")
_TYPES = (TypePersonne.PE.value, TypePersonne.PA.value)


class _Spreadsheet(OfFile):
    """Rows of a CSV file by the names of its columns."""

    columns: tuple[str, ...]

    def __init__(self, path: Path, *, is_whole: bool) -> None:
        """Read the header; ExtractError when a column lacks."""
        super().__init__(ExtractFile(path, "utf-8"))
        self.is_whole = is_whole
        header = next(self._file.lines(), None)
        if header is None or header.fault:
            raise ExtractError(f"{self.name} : en-tête illisible, fichier CSV en UTF-8 attendu")
        self._separator = max(_SEPARATORS, key=header.text.count)
        try:
            names = split_quoted(header.text, self._separator)
        except FieldRefusedError as error:
            raise ExtractError(f"{self.name} : en-tête illisible : {error.raison}") from None
        self._places = places_of(self._file, names, self.columns)
        self._width = len(names)

    def lines(self) -> Iterator[Line]:
        """One a row that is not empty."""
        for raw in self._file.lines():
            if raw.number == 1 or not (raw.fault or raw.text.strip(f"{_SEPARATORS} ")):
                continue
            yield raw.rejected() if raw.fault else self._line(raw)

    def _line(self, raw: Raw) -> Line:
        values: list[str] = []
        try:
            fields = split_quoted(raw.text, self._separator)
            if len(fields) != self._width:
                refuse_if_cut(self._file, raw, len(fields), self._width)
                raise FieldRefusedError("ligne", f"{len(fields)} colonnes, {self._width} attendues")  # noqa: TRY301 -- told like the others
            values = [fields[place].strip() for place in self._places]
            return self._read(raw.number, values)
        except FieldRefusedError as error:
            return raw.rejected(error, self._seen(values))

    def _read(self, number: int, values: Sequence[str]) -> Line:
        raise NotImplementedError

    def _seen(self, values: Sequence[str]) -> tuple[str, ...]:
        raise NotImplementedError


class StructuresFile(_Spreadsheet):
    """``Extract`` of structures: identifiant (Struct_IdNat), raison_sociale, departement (``75`` or ``Paris (75)``)."""

    source = SourceAnnuaire.STRUCTURES
    scope = None
    columns = STRUCTURE_COLUMNS

    def __init__(self, path: Path, *, is_whole: bool = True) -> None:
        super().__init__(path, is_whole=is_whole)
        self._told: dict[str, tuple[int, StructureEntry]] = {}

    def _read(self, number: int, values: Sequence[str]) -> Line:
        ident, raison_sociale, departement = values
        _check(check_structure, ident, "identifiant")
        entry = StructureEntry(
            ident,
            text_of(raison_sociale, "raison_sociale", RAISON_SOCIALE_LENGTH),
            _departement(departement),
        )
        _refuse_contradiction(self._told, number, ident, entry)
        return Line(number, structure=entry)

    def _seen(self, values: Sequence[str]) -> tuple[str, ...]:
        return tuple(value for value in values[:1] if is_structure(value))


class StaffFile(_Spreadsheet):
    """``Extract`` of PE and PA, one row a person and structure; speaks only of the structures that it names.

    ``also`` are structures that it speaks of too, although nobody of theirs may be left in it.
    """

    source = SourceAnnuaire.PERSONNEL
    columns = STAFF_COLUMNS

    def __init__(self, path: Path, *, is_whole: bool = True, also: AbstractSet[str] = frozenset()) -> None:
        super().__init__(path, is_whole=is_whole)
        for ident in also:
            try:
                check_structure(ident)
            except IdentifierError as error:
                raise ExtractError(f"structure {ident} : {error.raison}") from None
        self.scope = also
        self._told: dict[str, tuple[int, PersonneEntry]] = {}

    def _read(self, number: int, values: Sequence[str]) -> Line:
        ident, kind, nom, prenom, titre, structure = values
        _check(check_personne, ident, "identifiant")
        if kind not in _TYPES:
            raise FieldRefusedError("type", "PE ou PA attendu")
        _check(check_structure, structure, "structure")
        entry = PersonneEntry(
            id_national=ident,
            type_personne=kind,
            nom=text_of(nom, "nom", NOM_LENGTH),
            prenom=text_of(prenom, "prenom", NOM_LENGTH),
            titre=text_of(titre, "titre", TITRE_LENGTH),
        )
        _refuse_contradiction(self._told, number, ident, entry)
        return Line(number, personne=entry, rattachement=RattachementEntry(ident, structure))

    def _seen(self, values: Sequence[str]) -> tuple[str, ...]:
        return tuple(value for value in values[:1] if is_personne(value))


def _check(check: Callable[[str], None], value: str, colonne: str) -> None:
    try:
        check(value)
    except IdentifierError as error:
        raise FieldRefusedError(colonne, error.raison) from None


def _departement(value: str) -> str:
    found = departements.read(value)
    if found is None:
        raise FieldRefusedError("departement", "code ou nom de département inconnu")
    return found


def _refuse_contradiction(told: dict[str, tuple[int, _T]], number: int, ident: str, entry: _T) -> None:
    """Of two lines that say different things of one entry a person typed one wrong: the first one counts."""
    line, known = told.setdefault(ident, (number, entry))
    if known != entry:
        raise FieldRefusedError("identifiant", f"déjà donné à la ligne {line} avec d'autres valeurs")
