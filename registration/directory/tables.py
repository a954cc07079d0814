"""The directory as the imports left it: ``Directory`` over the tables. Who has gone is not found."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import ColumnElement, select

from registration.directory.entries import PersonneEntry, RattachementEntry, StructureEntry
from registration.directory.port import Entries, Wanted
from registration.rules.names import Pattern, fold
from registration.vocabulary import Plateforme
from storage import tables
from storage.bulk import slices
from storage.database import Database

_STRUCTURE = [getattr(tables.Structure, name) for name in StructureEntry._fields]
_PERSONNE = [getattr(tables.Personne, name) for name in PersonneEntry._fields]


def matches(column: Any, pattern: Pattern) -> list[ColumnElement[bool]]:  # noqa: ANN401 -- a folded column
    """The conditions by which an index on the column finds a pattern: a value, or a range of them."""
    if not pattern.is_prefix:
        return [column == pattern.folded]
    first, after = pattern.bounds
    return [column >= first, column < after]


class TablesDirectory:
    """Of one plateforme; each call is one short read."""

    def __init__(self, db: Database, plateforme: Plateforme) -> None:
        self._db, self._plateforme = db, plateforme.value

    def read(self, structures: Collection[str], personnes: Collection[str]) -> Entries:
        """See ``Directory``."""
        attached = tables.Rattachement
        among = set(structures)
        with self._db.read() as session:
            return Entries(
                structures=tuple(
                    StructureEntry._make(row)
                    for part in slices(sorted(among))
                    for row in session.execute(
                        select(*_STRUCTURE).where(
                            *self._there(tables.Structure), tables.Structure.id_national.in_(part)
                        )
                    )
                ),
                personnes=tuple(
                    PersonneEntry._make(row)
                    for part in slices(sorted(set(personnes)))
                    for row in session.execute(
                        select(*_PERSONNE).where(*self._there(tables.Personne), tables.Personne.id_national.in_(part))
                    )
                ),
                rattachements=tuple(
                    RattachementEntry(personne, structure)
                    for part in slices(sorted(set(personnes)))
                    for personne, structure in session.execute(
                        select(attached.id_personne, attached.id_structure)
                        .where(*self._there(attached), attached.id_personne.in_(part))
                        .order_by(attached.id_personne, attached.id_structure)
                    )
                    if structure in among
                ),
            )

    def find_structures(
        self, among: Collection[str] | None, raison_sociale: Pattern | None, limit: int
    ) -> list[StructureEntry]:
        """See ``Directory``."""
        table = tables.Structure
        query = select(*_STRUCTURE).where(*self._there(table)).order_by(table.raison_pliee, table.id_national)
        if raison_sociale is not None:
            query = query.where(*matches(table.raison_pliee, raison_sociale))
        parts: Iterable[Any] = [None] if among is None else slices(sorted(among))
        with self._db.read() as session:
            found = [
                StructureEntry._make(row)
                for part in parts
                for row in session.execute(
                    (query if part is None else query.where(table.id_national.in_(part))).limit(limit)
                )
            ]
        return sorted(found, key=lambda entry: (fold(entry.raison_sociale), entry.id_national))[:limit]

    def find_personnes(self, structure: str | None, wanted: Wanted, limit: int) -> list[PersonneEntry]:
        """See ``Directory``."""
        table, attached = tables.Personne, tables.Rattachement
        query = select(*_PERSONNE).where(*self._there(table))
        if structure is not None:
            query = query.join(
                attached,
                (attached.plateforme == table.plateforme) & (attached.id_personne == table.id_national),
            ).where(attached.id_structure == structure, *self._there(attached))
        if wanted.id_national is not None:
            query = query.where(table.id_national == wanted.id_national)
        for column, pattern in ((table.nom_plie, wanted.nom), (table.prenom_plie, wanted.prenom)):
            if pattern is not None:
                query = query.where(*matches(column, pattern))
        query = query.order_by(table.nom_plie, table.prenom_plie, table.id_national).limit(limit)
        with self._db.read() as session:
            return [PersonneEntry._make(row) for row in session.execute(query)]

    def _there(self, table: Any) -> tuple[ColumnElement[bool], ...]:  # noqa: ANN401 -- one of the three tables
        return (table.plateforme == self._plateforme, table.disparu_le.is_(None))
