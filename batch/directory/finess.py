"""The public extracts of FINESS: places (structureet) or legal entities (structureej), Latin-1, ``;``, no quotes.

The stock files have a line of metadata instead of a header, and the kind of each row in its first column; what other
rows there are (geolocalisation) is passed over. Another file of places may have a header with the published names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from batch.directory.files import (
    ExtractFile,
    FieldRefusedError,
    OfFile,
    Raw,
    clean,
    places_of,
    refuse_if_cut,
    text_of,
)
from registration.directory.entries import ExtractError, Line, StructureEntry
from registration.rules import departements
from registration.rules.identifiers import IdentifierError, check_structure
from registration.rules.limits import is_structure
from registration.vocabulary import SourceAnnuaire
from storage.tables.directory import RAISON_SOCIALE_LENGTH

SEPARATOR = ";"
_METADATA = "finess;etalab;"
_FINESS, _OF_STRUCTURE = "nofinesset", "1"


@dataclass(frozen=True, slots=True)
class _Form:
    """Where a kind of row has what is needed; ``width`` is how many columns it has at least."""

    source: SourceAnnuaire
    kind: str | None
    width: int
    finess: int
    raison: int
    raison_longue: int
    departement: int
    libelle_departement: int


_FORMS = (
    _Form(SourceAnnuaire.FINESS_ET, "structureet", 32, 1, 3, 4, 13, 14),
    _Form(SourceAnnuaire.FINESS_EJ, "structureej", 20, 1, 2, 3, 13, 14),
)
_NAMED = ("nofinesset", "rs", "rslongue", "departement", "libdepartement")


class FinessExtract(OfFile):
    """``Extract`` of structures. Places and legal entities are two sources: each file speaks of its own."""

    is_whole = True
    scope = None

    def __init__(self, path: Path) -> None:
        """Look which of the forms it has; ExtractError for none, or for a header where a column lacks."""
        super().__init__(ExtractFile(path, "latin-1"))
        self._form = self._find_form()

    @property
    def source(self) -> SourceAnnuaire:
        """Places, or legal entities."""
        return self._form.source

    def _find_form(self) -> _Form:
        lines = self._file.lines()
        first = next(lines, None)
        if first is None:
            raise ExtractError(f"{self.name} : fichier vide")
        if not first.text.startswith(_METADATA):
            header = [_unquoted(name) for name in first.text.split(SEPARATOR)]
            finess, raison, longue, departement, libelle = places_of(self._file, header, _NAMED)
            return _Form(SourceAnnuaire.FINESS_ET, None, len(header), finess, raison, longue, departement, libelle)
        for raw in lines:
            for form in _FORMS:
                if raw.text.startswith(f"{form.kind}{SEPARATOR}"):
                    return form
        raise ExtractError(f"{self.name} : aucune ligne structureet ni structureej")

    def lines(self) -> Iterator[Line]:
        """One a row of the kind that the file is about."""
        form = self._form
        for raw in self._file.lines():
            if raw.number == 1 or (form.kind is not None and not _may_be(raw, form.kind)):
                continue
            fields = raw.text.split(SEPARATOR)
            refuse_if_cut(self._file, raw, len(fields), form.width)
            if raw.fault or len(fields) < form.width:
                error = (
                    None if raw.fault else FieldRefusedError("ligne", f"{len(fields)} colonnes, {form.width} attendues")
                )
                yield raw.rejected(error, _seen(fields, form))
                continue
            try:
                yield Line(raw.number, structure=_structure(fields, form))
            except FieldRefusedError as error:
                yield raw.rejected(error, _seen(fields, form))


def _may_be(raw: Raw, kind: str) -> bool:
    """A row of this kind; or the last one, of which not even the kind is whole."""
    return raw.fault is not None or raw.text.startswith(kind) or (not raw.is_ended and kind.startswith(raw.text))


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


def _seen(fields: list[str], form: _Form) -> tuple[str, ...]:
    ident = _OF_STRUCTURE + _unquoted(fields[form.finess]).strip() if len(fields) > form.finess else ""
    return (ident,) if is_structure(ident) else ()


def _structure(fields: list[str], form: _Form) -> StructureEntry:
    ident = _OF_STRUCTURE + _unquoted(fields[form.finess]).strip()
    try:
        check_structure(ident)
    except IdentifierError as error:
        raise FieldRefusedError(_FINESS, error.raison) from None
    raison = clean(_unquoted(fields[form.raison_longue])) or clean(_unquoted(fields[form.raison]))
    departement = departements.written(
        _unquoted(fields[form.departement]).strip(), _unquoted(fields[form.libelle_departement])
    ) or departements.of_finess(ident[1:])
    if departement is None:
        raise FieldRefusedError("departement", "département inconnu")
    return StructureEntry(ident, text_of(raison, "rslongue", RAISON_SOCIALE_LENGTH), departement)
