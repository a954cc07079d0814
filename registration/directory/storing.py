"""Entries into the tables: what is new, what has changed, what is back; and those that have gone, dated.

An entry is of the source that said it last. Another source changes it when it has gone, or when it ranks higher.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Table, bindparam, select, update
from sqlalchemy.orm import Session

from registration.directory.entries import PersonneEntry, RattachementEntry, StructureEntry
from registration.rules.names import fold
from registration.vocabulary import Plateforme, SourceAnnuaire
from storage import tables
from storage.bulk import insert_new, slices
from storage.tables.directory import NOM_LENGTH, RAISON_SOCIALE_LENGTH


class Effect(StrEnum):
    """What becomes of an entry; the words are those of the summary."""

    ADDED = "ajouts"
    CHANGED = "changements"
    BACK = "retours"
    GONE = "disparitions"


Model = type[tables.Structure] | type[tables.Personne] | type[tables.Rattachement]
MODELS: tuple[Model, ...] = (tables.Structure, tables.Personne, tables.Rattachement)
"""In the order in which they refer to each other."""


class Known(NamedTuple):
    """What the tables hold of an entry."""

    source: str
    disparu_le: datetime | None
    values: tuple[Any, ...]


@dataclass(slots=True)
class Batch:
    """Rows to be written together, with the effect of each."""

    added: dict[Model, list[dict[str, Any]]] = field(default_factory=lambda: {model: [] for model in MODELS})
    changed: dict[Model, list[dict[str, Any]]] = field(default_factory=lambda: {model: [] for model in MODELS})
    effects: Counter[tuple[str, Effect]] = field(default_factory=Counter)

    def put(self, model: Model, effect: Effect, row: dict[str, Any]) -> None:
        """One more row."""
        (self.added if effect is Effect.ADDED else self.changed)[model].append(row)
        self.effects[model.__tablename__, effect] += 1

    def __len__(self) -> int:
        return sum(self.effects.values())

    def write(self, session: Session) -> None:
        """Into the tables. Who entered one of these meanwhile has his word, until the next import."""
        for model in MODELS:
            insert_new(session, model, self.added[model])
            if self.changed[model]:
                session.connection().execute(_UPDATES[model], [_as_update(model, row) for row in self.changed[model]])


def _table(model: Model) -> Table:
    table = model.__table__
    assert isinstance(table, Table)  # noqa: S101 -- of a mapped class it is one
    return table


def _update_of(model: Model) -> Any:  # noqa: ANN401 -- an Update
    table = _table(model)
    keys = [column.name for column in table.primary_key]
    return (
        update(table)
        .where(*(table.c[name] == bindparam(f"key_{name}") for name in keys))
        .values({column.name: bindparam(f"new_{column.name}") for column in table.c if column.name not in keys})
    )


_UPDATES = {model: _update_of(model) for model in MODELS}
_KEYS = {model: frozenset(column.name for column in _table(model).primary_key) for model in MODELS}


def _as_update(model: Model, row: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{'key' if name in _KEYS[model] else 'new'}_{name}": value for name, value in row.items()}


class Comparing:
    """Sets what a source says beside what the tables hold of one plateforme."""

    def __init__(self, plateforme: Plateforme, source: SourceAnnuaire) -> None:
        self._plateforme, self._source = plateforme.value, source.value
        self._above = {other.value for other in SourceAnnuaire if other.rank > source.rank}

    def structures(self, session: Session, entries: Sequence[StructureEntry], into: Batch) -> None:
        """Put into the batch what these entries change."""
        known = self._known(session, tables.Structure, StructureEntry._fields, [one.id_national for one in entries])
        for entry in entries:
            effect = self._effect(known.get(entry.id_national), entry[1:])
            if effect is not None:
                into.put(tables.Structure, effect, self._row(entry) | _folded_structure(entry))

    def personnes(self, session: Session, entries: Sequence[PersonneEntry], into: Batch) -> None:
        """As ``structures``."""
        known = self._known(session, tables.Personne, PersonneEntry._fields, [one.id_national for one in entries])
        for entry in entries:
            effect = self._effect(known.get(entry.id_national), entry[1:])
            if effect is not None:
                into.put(tables.Personne, effect, self._row(entry) | _folded_personne(entry))

    def rattachements(
        self, session: Session, entries: Sequence[RattachementEntry], into: Batch
    ) -> list[RattachementEntry]:
        """As ``structures``, of persons who are in the tables or in the batch; gives those of unknown structures."""
        table = tables.Rattachement
        known: dict[tuple[str, str], Known] = {}
        for part in slices(sorted({entry.id_personne for entry in entries})):
            rows = session.execute(
                select(table.id_personne, table.id_structure, table.source, table.disparu_le).where(
                    table.plateforme == self._plateforme, table.id_personne.in_(part)
                )
            )
            known.update(((personne, structure), Known(source, gone, ())) for personne, structure, source, gone in rows)
        changed = [(entry, effect) for entry in entries if (effect := self._effect(known.get(entry), ())) is not None]
        there = known_structures(session, self._plateforme, {entry.id_structure for entry, _ in changed})
        for entry, effect in changed:
            if entry.id_structure in there:
                into.put(table, effect, self._row(entry))
        return [entry for entry, _ in changed if entry.id_structure not in there]

    def _effect(self, known: Known | None, values: tuple[Any, ...]) -> Effect | None:
        """What the word of the source does to an entry; None when it stays as it is."""
        if known is None:
            return Effect.ADDED
        if known.disparu_le is not None:
            return Effect.BACK
        if known.source in self._above or (known.source == self._source and known.values == values):
            return None
        return Effect.CHANGED

    def _known(self, session: Session, model: Any, fields: Sequence[str], ids: Sequence[str]) -> dict[str, Known]:  # noqa: ANN401 -- Structure or Personne
        columns = [getattr(model, name) for name in ("source", "disparu_le", *fields)]
        return {
            row[2]: Known(row[0], row[1], tuple(row[3:]))
            for part in slices(ids)
            for row in session.execute(
                select(*columns).where(model.plateforme == self._plateforme, model.id_national.in_(part))
            )
        }

    def _row(self, entry: StructureEntry | PersonneEntry | RattachementEntry) -> dict[str, Any]:
        about = {"plateforme": self._plateforme, "source": self._source, "disparu_le": None}
        return entry._asdict() | about


def known_structures(session: Session, plateforme: str, ids: Iterable[str]) -> set[str]:
    """Those of the ids that are in the directory now."""
    table = tables.Structure
    return {
        ident
        for part in slices(sorted(ids))
        for ident in session.scalars(
            select(table.id_national).where(
                table.plateforme == plateforme, table.id_national.in_(part), table.disparu_le.is_(None)
            )
        )
    }


def _folded_structure(entry: StructureEntry) -> dict[str, str]:
    return {"raison_pliee": fold(entry.raison_sociale)[:RAISON_SOCIALE_LENGTH]}


def _folded_personne(entry: PersonneEntry) -> dict[str, str]:
    return {"nom_plie": fold(entry.nom)[:NOM_LENGTH], "prenom_plie": fold(entry.prenom)[:NOM_LENGTH]}


def set_gone(
    session: Session, model: Model, plateforme: Plateforme, source: SourceAnnuaire, ids: Sequence[str], now: datetime
) -> int:
    """Date the end of structures or persons that this source alone holds; gives how many."""
    table = _table(model).c
    done = 0
    for part in slices(ids):
        result = session.connection().execute(
            update(_table(model))
            .where(
                table.plateforme == plateforme.value,
                table.id_national.in_(part),
                table.source == source.value,
                table.disparu_le.is_(None),
            )
            .values(disparu_le=now)
        )
        done += result.rowcount
    return done


def detach(
    session: Session,
    plateforme: Plateforme,
    source: SourceAnnuaire,
    pairs: Sequence[RattachementEntry],
    now: datetime,
) -> int:
    """As ``set_gone``, of rattachements."""
    table = _table(tables.Rattachement).c
    statement = (
        update(_table(tables.Rattachement))
        .where(
            table.plateforme == plateforme.value,
            table.id_structure == bindparam("structure"),
            table.id_personne == bindparam("personne"),
            table.source == source.value,
            table.disparu_le.is_(None),
        )
        .values(disparu_le=now)
    )
    if not pairs:
        return 0
    result = session.connection().execute(
        statement, [{"structure": pair.id_structure, "personne": pair.id_personne} for pair in pairs]
    )
    return result.rowcount
