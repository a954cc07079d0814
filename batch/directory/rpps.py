"""The public extract of the Annuaire Santé: PS_LibreAcces_Personne_activite, one line an activity of a professional.

56 columns by their published names, UTF-8, ``|`` between them, no quotes. PS_IdNat is « Identification nationale PP »,
Struct_IdNat « Ancien identifiant de la structure ».
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from batch.directory.files import ExtractFile, FieldRefusedError, OfFile, clean, places_of, refuse_if_cut, text_of
from registration.directory.entries import (
    ExtractError,
    Line,
    PersonneEntry,
    RattachementEntry,
    Reject,
    StructureEntry,
)
from registration.rules import departements
from registration.rules.identifiers import IdentifierError, check_personne, check_structure
from registration.rules.limits import is_personne
from registration.vocabulary import SourceAnnuaire, TypePersonne
from storage.tables.directory import (
    NOM_LENGTH,
    RAISON_SOCIALE_LENGTH,
    SAVOIR_FAIRE_LENGTH,
    TABLEAU_LENGTH,
    TITRE_LENGTH,
)

SEPARATOR = "|"
_HEADER = (
    "Type d'identifiant PP|Identifiant PP|Identification nationale PP|Code civilité d'exercice|"
    "Libellé civilité d'exercice|Code civilité|Libellé civilité|Nom d'exercice|Prénom d'exercice|Code profession|"
    "Libellé profession|Code catégorie professionnelle|Libellé catégorie professionnelle|Code type savoir-faire|"
    "Libellé type savoir-faire|Code savoir-faire|Libellé savoir-faire|Code mode exercice|Libellé mode exercice|"
    "Numéro SIRET site|Numéro SIREN site|Numéro FINESS site|Numéro FINESS établissement juridique|"
    "Identifiant technique de la structure|Raison sociale site|Enseigne commerciale site|"
    "Complément destinataire (coord. structure)|Complément point géographique (coord. structure)|"
    "Numéro Voie (coord. structure)|Indice répétition voie (coord. structure)|Code type de voie (coord. structure)|"
    "Libellé type de voie (coord. structure)|Libellé Voie (coord. structure)|Mention distribution (coord. structure)|"
    "Bureau cedex (coord. structure)|Code postal (coord. structure)|Code commune (coord. structure)|"
    "Libellé commune (coord. structure)|Code pays (coord. structure)|Libellé pays (coord. structure)|"
    "Téléphone (coord. structure)|Téléphone 2 (coord. structure)|Télécopie (coord. structure)|"
    "Adresse e-mail (coord. structure)|Code Département (structure)|Libellé Département (structure)|"
    "Ancien identifiant de la structure|Autorité d'enregistrement|Code secteur d'activité|Libellé secteur d'activité|"
    "Code section tableau pharmaciens|Libellé section tableau pharmaciens|Code rôle|Libellé rôle|"
    "Code genre activité|Libellé genre activité"
)
COLUMNS = tuple(_HEADER.split(SEPARATOR))
"""The published ones, in their order. A header may have others, and another order."""

_TYPE, _NUMBER, _IDENT = COLUMNS[0:3]
_NOM, _PRENOM, _PROFESSION, _TITRE, _CATEGORY = COLUMNS[7:12]
_SAVOIR_FAIRE, _STRUCTURE, _SECTION = COLUMNS[15], COLUMNS[46], COLUMNS[50]
_MEMBER = "PS_LibreAcces_Personne_activite"
_ORDINAL_SPECIALITY = "S"
_PHARMACIST = "21"
# Categories of TRE_R09 as the extract has them: civil, military, student.
_TYPES = {"C": TypePersonne.PS, "M": TypePersonne.PS, "E": TypePersonne.PF}
_STRUCTURES_KNOWN = 20_000


class _Said(NamedTuple):
    """What an activity says of its professional; most of his lines say the same."""

    kind: str
    number: str
    ident: str
    nom: str
    prenom: str
    profession: str
    titre: str
    category: str
    kind_of_skill: str
    skill: str
    section: str


class _Place(NamedTuple):
    """What it says of where."""

    siret: str
    finess: str
    raison_sociale: str
    enseigne: str
    postal: str
    commune: str
    departement: str
    libelle_departement: str
    ident: str


_SAID = (*COLUMNS[0:3], *COLUMNS[7:12], COLUMNS[13], _SAVOIR_FAIRE, _SECTION)
_PLACE = (COLUMNS[19], COLUMNS[21], *COLUMNS[24:26], *COLUMNS[35:37], *COLUMNS[44:47])


class RppsExtract(OfFile):
    """``Extract`` of the public extract; persons of the categories C and M are PS, students (E) are PF."""

    source = SourceAnnuaire.RPPS
    is_whole = True
    scope = None

    def __init__(self, path: Path) -> None:
        """Read the header; ExtractError when a column lacks."""
        super().__init__(ExtractFile(path, "utf-8", _MEMBER))
        header = next(self._file.lines(), None)
        if header is None or header.fault:
            raise ExtractError(f"{self.name} : en-tête illisible, extraction {_MEMBER} en UTF-8 attendue")
        names = header.text.split(SEPARATOR)
        self._width = len(names)
        places_of(self._file, names, COLUMNS)
        self._said = itemgetter(*places_of(self._file, names, _SAID))
        self._place = itemgetter(*places_of(self._file, names, _PLACE))
        self._ident = places_of(self._file, names, [_IDENT])[0]
        self._last: tuple[tuple[str, ...], PersonneEntry] | None = None

    def lines(self) -> Iterator[Line]:
        """One a line of the file, without its header."""
        for raw in self._file.lines():
            if raw.number == 1:
                continue
            fields = raw.text.split(SEPARATOR)
            refuse_if_cut(self._file, raw, len(fields), self._width)
            if raw.fault or len(fields) != self._width:
                error = (
                    None
                    if raw.fault
                    else FieldRefusedError("ligne", f"{len(fields)} colonnes, {self._width} attendues")
                )
                yield raw.rejected(error, self._seen(fields))
                continue
            yield self._line(raw.number, fields)

    def _seen(self, fields: Sequence[str]) -> tuple[str, ...]:
        """Whom a line names that cannot be used otherwise."""
        ident = fields[self._ident].strip() if len(fields) > self._ident else ""
        return (ident,) if is_personne(ident) else ()

    def _line(self, number: int, fields: Sequence[str]) -> Line:
        try:
            personne = self._personne(self._said(fields))
        except FieldRefusedError as error:
            reject = Reject(number, error.colonne, error.raison)
            return Line(number, rejects=(reject,), seen=self._seen(fields))
        try:
            ident, structure = _structure(self._place(fields))
        except FieldRefusedError as error:
            # Where he works cannot be told: what was known of that stays.
            return Line(
                number,
                personne=personne,
                rejects=(Reject(number, error.colonne, error.raison),),
                seen=(personne.id_national,),
            )
        rattachement = None if ident is None else RattachementEntry(personne.id_national, ident)
        return Line(number, structure, personne, rattachement)

    def _personne(self, said: tuple[str, ...]) -> PersonneEntry:
        if self._last is None or self._last[0] != said:
            self._last = (said, _read_personne(_Said(*said)))
        return self._last[1]


def _read_personne(said: _Said) -> PersonneEntry:
    ident = said.ident.strip()
    if ident != said.kind.strip() + said.number.strip():
        raise FieldRefusedError(_IDENT, f"ce n'est pas « {_TYPE} » suivi de « {_NUMBER} »")
    try:
        check_personne(ident)
    except IdentifierError as error:
        raise FieldRefusedError(_IDENT, error.raison) from None
    kind = _TYPES.get(said.category.strip())
    if kind is None:
        raise FieldRefusedError(_CATEGORY, "C, M ou E attendu")
    code = said.profession.strip()
    if not (code.isascii() and code.isdigit() and len(code) <= 4):  # noqa: PLR2004 -- codes of TRE_G15 have two
        raise FieldRefusedError(_PROFESSION, "code de profession attendu, fait de chiffres")
    titre = text_of(said.titre, _TITRE, TITRE_LENGTH)
    is_student = kind is TypePersonne.PF
    has_speciality = said.kind_of_skill.strip() == _ORDINAL_SPECIALITY and said.skill.strip()
    has_section = code == _PHARMACIST and said.section.strip()
    return PersonneEntry(
        id_national=ident,
        type_personne=kind.value,
        nom=text_of(said.nom, _NOM, NOM_LENGTH),
        prenom=text_of(said.prenom, _PRENOM, NOM_LENGTH),
        titre=titre,
        code_profession=None if is_student else int(code),
        code_formation=int(code) if is_student else None,
        savoir_faire=text_of(said.skill, _SAVOIR_FAIRE, SAVOIR_FAIRE_LENGTH) if has_speciality else None,
        tableau_pharmacien=text_of(said.section, _SECTION, TABLEAU_LENGTH) if has_section else None,
    )


@lru_cache(maxsize=_STRUCTURES_KNOWN)
def _structure(fields: tuple[str, ...]) -> tuple[str | None, StructureEntry | None]:
    """The id of where he works, and that structure when the line describes it, where the line says so."""
    place = _Place(*[field.strip() for field in fields])
    ident = place.ident or (f"1{place.finess}" if place.finess else f"3{place.siret}" if place.siret else "")
    if not ident:
        return None, None
    try:
        check_structure(ident)
    except IdentifierError as error:
        raise FieldRefusedError(_STRUCTURE, error.raison) from None
    raison_sociale = clean(place.raison_sociale) or clean(place.enseigne)
    departement = (
        departements.written(place.departement, place.libelle_departement)
        or departements.of_commune(place.commune)
        or departements.of_commune(place.postal)
        or (departements.of_finess(ident[1:]) if ident[0] == "1" else None)
    )
    if not raison_sociale or departement is None:
        return ident, None
    return ident, StructureEntry(ident, text_of(raison_sociale, COLUMNS[24], RAISON_SOCIALE_LENGTH), departement)
