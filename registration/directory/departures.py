"""Who is in the directory by the word of a source, and is not in its file any more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import exists, select, tuple_
from sqlalchemy.orm import Session

from registration.directory.conduct import Conduct
from registration.directory.entries import Extract, RattachementEntry
from registration.directory.imports import ImportRefusedError
from registration.directory.staging import Staging
from registration.directory.storing import Model
from registration.vocabulary import Plateforme, SourceAnnuaire
from storage import tables
from storage.bulk import slices
from storage.database import Database

_LOOKED_AT = 5_000
_STRUCTURES_AT_ONCE = 50
# Of a handful, one who leaves is many per cent.
_ALWAYS_ALLOWED = 20
_STEP = "Absents du fichier"


class Departures:
    """Looks into the tables, and notes in the staging who has gone; writes nothing."""

    def __init__(
        self, db: Database, plateforme: Plateforme, extract: Extract, staging: Staging, conduct: Conduct
    ) -> None:
        self._db, self._extract, self._staging, self._conduct = db, extract, staging, conduct
        self._plateforme, self._source = plateforme.value, extract.source.value

    def look(self) -> None:
        """ImportRefusedError when more of a kind would vanish than ``conduct.most_gone`` allows."""
        scope = self._extract.scope
        if scope is not None:
            self._check_pairs(self._pairs_of(sorted({*scope, *self._staging.scope()})))
            return
        for model in (tables.Structure, tables.Personne):
            self._check_ids(model)
        self._check_pairs(self._all_pairs())

    def _check_ids(self, model: type[tables.Structure | tables.Personne]) -> None:
        name, held = model.__tablename__, 0
        for ids in self._ids(model):
            self._staging.note_gone(name, [(ident,) for ident in self._staging.unnamed(name, ids)])
            held += len(ids)
            self._conduct.go_on(_STEP, held)
        self._check_share(model, held)

    def _check_pairs(self, held_pairs: Iterable[Sequence[RattachementEntry]]) -> None:
        held = 0
        for pairs in held_pairs:
            self._staging.note_gone(tables.Rattachement.__tablename__, self._staging.unnamed_pairs(pairs))
            held += len(pairs)
            self._conduct.go_on(_STEP, held)
        self._check_share(tables.Rattachement, held)

    def _check_share(self, model: Model, held: int) -> None:
        gone, most = self._staging.count_gone(model.__tablename__), self._conduct.most_gone
        if gone > max(_ALWAYS_ALLOWED, held * most / 100):
            raise ImportRefusedError(
                f"{gone} entrées de l'annuaire sur {held} ({model.__tablename__}) ne sont plus dans le fichier, soit "
                f"plus de {most:g} % : est-il coupé ou incomplet ? Rien n'est écrit ; si elles doivent vraiment "
                "disparaître, relancer avec --most-gone"
            )

    def _ids(self, model: type[tables.Structure | tables.Personne]) -> Iterator[list[str]]:
        key = model.id_national
        last = ""
        while True:
            page = _held(select(key), model, self._plateforme, self._source).where(key > last)
            with self._db.read() as session:
                ids = list(session.scalars(page.order_by(key).limit(_LOOKED_AT)))
            if not ids:
                return
            yield ids
            last = ids[-1]

    def _all_pairs(self) -> Iterator[list[RattachementEntry]]:
        key = (tables.Rattachement.id_structure, tables.Rattachement.id_personne)
        last = ("", "")
        while True:
            page = self._pairs().where(tuple_(*key) > last).order_by(*key).limit(_LOOKED_AT)
            with self._db.read() as session:
                pairs = [RattachementEntry(row[0], row[1]) for row in session.execute(page)]
            if not pairs:
                return
            yield pairs
            last = (pairs[-1].id_structure, pairs[-1].id_personne)

    def _pairs_of(self, structures: Sequence[str]) -> Iterator[list[RattachementEntry]]:
        for part in slices(structures, _STRUCTURES_AT_ONCE):
            page = self._pairs().where(tables.Rattachement.id_structure.in_(part))
            with self._db.read() as session:
                yield [RattachementEntry(row[0], row[1]) for row in session.execute(page)]

    def _pairs(self) -> Any:  # noqa: ANN401 -- a Select
        table = tables.Rattachement
        columns = select(table.id_personne, table.id_structure)
        return _held(columns, table, self._plateforme, self._source)


def _held(query: Any, model: Model, plateforme: str, source: str) -> Any:  # noqa: ANN401 -- any Select
    return query.where(model.plateforme == plateforme, model.source == source, model.disparu_le.is_(None))


def unattached(session: Session, plateforme: Plateforme, source: SourceAnnuaire, ids: Sequence[str]) -> list[str]:
    """Those of the persons of this source who work nowhere any more."""
    personne, rattachement = tables.Personne, tables.Rattachement
    works = exists().where(
        rattachement.plateforme == personne.plateforme,
        rattachement.id_personne == personne.id_national,
        rattachement.disparu_le.is_(None),
    )
    return [
        ident
        for part in slices(ids)
        for ident in session.scalars(
            _held(select(personne.id_national), personne, plateforme.value, source.value).where(
                personne.id_national.in_(part), ~works
            )
        )
    ]
