"""Entries of an LDAP directory as those of ours, by the names of attributes that the settings give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

import structlog

from batch.directory.files import FieldRefusedError, text_of
from registration.directory.entries import PersonneEntry, RattachementEntry, StructureEntry
from registration.rules import departements
from registration.rules.identifiers import IdentifierError, check_personne, check_structure
from registration.vocabulary import TypePersonne
from runtime.settings.directory import LdapAttributes
from storage.tables.directory import (
    NOM_LENGTH,
    RAISON_SOCIALE_LENGTH,
    SAVOIR_FAIRE_LENGTH,
    TABLEAU_LENGTH,
    TITRE_LENGTH,
)

log = structlog.get_logger()

Attributes = Mapping[str, list[bytes]]
_OF_THEIR_OWN = ("8", "0")
_CODE_DIGITS = 4


def values_of(raw: Attributes, name: str) -> list[str]:
    """The values of an attribute, by its name in any case (RFC 4512 §2.5); FieldRefusedError for what is no UTF-8."""
    found = [values for key, values in raw.items() if key.partition(";")[0].casefold() == name.casefold()]
    try:
        return [value.decode() for values in found for value in values]
    except UnicodeDecodeError:
        raise FieldRefusedError(name, "octets qui ne sont pas de l'UTF-8") from None


class EntryReader:
    """Reads raw entries. One that cannot be used is None, and one line of the log that does not quote it."""

    def __init__(self, names: LdapAttributes) -> None:
        self._names = names

    def structure(self, raw: Attributes) -> StructureEntry | None:
        """A structure; its département may be written in any of its ways."""
        names = self._names
        try:
            ident = self._one(raw, names.structure_id)
            check_structure(ident)
            departement = departements.read(self._one(raw, names.departement))
            if departement is None:
                raise FieldRefusedError(names.departement, "département inconnu")  # noqa: TRY301 -- told like the others
            raison = text_of(self._one(raw, names.raison_sociale), names.raison_sociale, RAISON_SOCIALE_LENGTH)
            return StructureEntry(ident, raison, departement)
        except (FieldRefusedError, IdentifierError) as error:
            _left_out("structure", error)
            return None

    def personne(self, raw: Attributes) -> PersonneEntry | None:
        """A person; of what kind follows from his id where the directory does not say it."""
        names = self._names
        try:
            ident = self._one(raw, names.personne_id)
            check_personne(ident)
            kind = self._maybe(raw, names.type_personne, 2)
            if kind not in set(TypePersonne):
                kind = TypePersonne.PS.value if ident[0] in _OF_THEIR_OWN else TypePersonne.PE.value
            return PersonneEntry(
                id_national=ident,
                type_personne=str(kind),
                nom=text_of(self._one(raw, names.nom), names.nom, NOM_LENGTH),
                prenom=text_of(self._one(raw, names.prenom), names.prenom, NOM_LENGTH),
                titre=text_of(self._one(raw, names.titre), names.titre, TITRE_LENGTH),
                code_profession=self._code(raw, names.code_profession),
                code_formation=self._code(raw, names.code_formation),
                savoir_faire=self._maybe(raw, names.savoir_faire, SAVOIR_FAIRE_LENGTH),
                tableau_pharmacien=self._maybe(raw, names.tableau_pharmacien, TABLEAU_LENGTH),
            )
        except (FieldRefusedError, IdentifierError) as error:
            _left_out("personne", error)
            return None

    def rattachements(
        self, entry: PersonneEntry, raw: Attributes, among: AbstractSet[str]
    ) -> Iterator[RattachementEntry]:
        """Where the person works, of these structures."""
        try:
            named = values_of(raw, self._names.structures)
        except FieldRefusedError as error:
            _left_out("rattachement", error)
            return
        yield from (RattachementEntry(entry.id_national, ident) for ident in sorted(among & set(named)))

    @staticmethod
    def _one(raw: Attributes, name: str) -> str:
        values = values_of(raw, name)
        if not values:
            raise FieldRefusedError(name, "valeur absente")
        return values[0].strip()

    @staticmethod
    def _maybe(raw: Attributes, name: str, longest: int) -> str | None:
        values = values_of(raw, name) if name else []
        return text_of(values[0], name, longest) if values and values[0].strip() else None

    def _code(self, raw: Attributes, name: str) -> int | None:
        value = self._maybe(raw, name, _CODE_DIGITS)
        if value is None:
            return None
        if not (value.isascii() and value.isdigit()):
            raise FieldRefusedError(name, "code fait de chiffres attendu")
        return int(value)


def _left_out(what: str, error: FieldRefusedError | IdentifierError) -> None:
    column = error.colonne if isinstance(error, FieldRefusedError) else "identifiant"
    log.warning("entry of the ldap directory left out", what=what, attribute=column, why=error.raison)
