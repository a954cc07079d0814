"""An extract, sorted and each entry once, in a database of its own: a file without a name that ends with the process.

A line of the public extract is an activity, so that a person stands in several lines, in any order: of what they say
differently the same is taken whatever the order, the first by the order of the columns below. SQLite sorts what does
not fit into memory on disk (SQLITE_TMPDIR, else /var/tmp).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

from registration.directory.entries import Line, PersonneEntry, RattachementEntry, StructureEntry

_CACHE_KIB = 32 * 1024
_BUFFERED = 5_000
# What a student is today he is no more once he has a profession: NULL, then the smaller code.
_TABLES = {
    "structure": ("id", "raison_sociale, departement"),
    "personne": (
        "id",
        (
            "type_personne = 'PF', code_profession, savoir_faire IS NULL, savoir_faire, tableau_pharmacien IS NULL, "
            "tableau_pharmacien, nom, prenom, titre, code_formation"
        ),
    ),
    "rattachement": ("id, id_structure", "ligne"),
}
_COLUMNS = {
    "structure": "id, raison_sociale, departement",
    "personne": (
        "id, type_personne, nom, prenom, titre, code_profession, code_formation, savoir_faire, tableau_pharmacien"
    ),
    "rattachement": "id, id_structure, ligne",
}


class Attached(NamedTuple):
    """A rattachement, and the first line that says so."""

    rattachement: RattachementEntry
    ligne: int


class Staging:
    """Take ``add`` as often as needed, then ``settle`` once; after that only the other methods."""

    def __init__(self) -> None:
        """An empty one; ``close`` it."""
        self._db = sqlite3.connect("", isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "temp_store=FILE", f"cache_size=-{_CACHE_KIB}"):
            self._db.execute(f"PRAGMA {pragma}")
        for name, columns in _COLUMNS.items():
            self._db.execute(f"CREATE TABLE {name}_ligne ({columns})")
        self._db.execute("CREATE TABLE vu (id TEXT PRIMARY KEY) WITHOUT ROWID")
        self._db.execute("CREATE TABLE depart (nature TEXT, id TEXT, id_structure TEXT)")
        self._waiting: dict[str, list[Sequence[Any]]] = {name: [] for name in (*_COLUMNS, "vu")}
        # What the line before has said: most lines of one person stand together, and say the same of him.
        self._last: dict[str, Sequence[Any] | None] = dict.fromkeys(_COLUMNS)

    def close(self) -> None:
        """The file is gone."""
        self._db.close()

    def add(self, line: Line) -> None:
        """Keep what a line says."""
        if line.structure is not None and line.structure != self._last["structure"]:
            self._last["structure"] = line.structure
            self._keep("structure", line.structure)
        if line.personne is not None and line.personne != self._last["personne"]:
            self._last["personne"] = line.personne
            self._keep("personne", line.personne)
        if line.rattachement is not None:
            self._keep("rattachement", (*line.rattachement, line.number))
        for ident in line.seen:
            self._keep("vu", (ident,))

    def _keep(self, name: str, row: Sequence[Any]) -> None:
        waiting = self._waiting[name]
        waiting.append(row)
        if len(waiting) >= _BUFFERED:
            self._flush(name)

    def _flush(self, name: str) -> None:
        rows, self._waiting[name] = self._waiting[name], []
        if not rows:
            return
        into = "OR IGNORE INTO vu" if name == "vu" else f"INTO {name}_ligne"
        marks = ", ".join("?" * len(rows[0]))
        self._db.execute("BEGIN")
        self._db.executemany(f"INSERT {into} VALUES ({marks})", rows)  # noqa: S608 -- our names
        self._db.execute("COMMIT")

    def settle(self) -> None:
        """Sort, and keep each entry once."""
        for name in self._waiting:
            self._flush(name)
        for name, (key, order) in _TABLES.items():
            self._db.execute(f"CREATE TABLE {name} ({_COLUMNS[name]}, PRIMARY KEY ({key})) WITHOUT ROWID")
            self._db.execute("BEGIN")
            self._db.execute(
                f"INSERT OR IGNORE INTO {name} SELECT * FROM {name}_ligne ORDER BY {key}, {order}"  # noqa: S608 -- our names
            )
            self._db.execute("COMMIT")
            self._db.execute(f"DROP TABLE {name}_ligne")

    def counts(self) -> dict[str, int]:
        """How many entries of each kind there are."""
        return {name: self._scalar(f"SELECT count(*) FROM {name}") for name in _TABLES}  # noqa: S608 -- our names

    def structures(self, size: int) -> Iterator[list[StructureEntry]]:
        """All structures, so many at a time, by id."""
        for rows in self._pages("structure", size):
            yield [StructureEntry._make(row) for row in rows]

    def personnes(self, size: int) -> Iterator[tuple[list[PersonneEntry], list[Attached]]]:
        """All persons, so many at a time, by id, each time with their rattachements."""
        for rows in self._pages("personne", size):
            attached = self._db.execute(
                "SELECT * FROM rattachement WHERE id BETWEEN ? AND ? ORDER BY id, id_structure",
                (rows[0][0], rows[-1][0]),
            )
            yield (
                [PersonneEntry._make(row) for row in rows],
                [Attached(RattachementEntry(ident, structure), line) for ident, structure, line in attached],
            )

    def _pages(self, name: str, size: int) -> Iterator[list[tuple[Any, ...]]]:
        cursor = self._db.execute(f"SELECT * FROM {name} ORDER BY id")  # noqa: S608 -- our names
        while rows := cursor.fetchmany(size):
            yield rows

    def scope(self) -> set[str]:
        """The structures that rattachements name."""
        return {ident for (ident,) in self._db.execute("SELECT DISTINCT id_structure FROM rattachement")}

    def unnamed(self, name: str, ids: Sequence[str]) -> list[str]:
        """Those of the ids (of structures, or of persons) that no line names, in order."""
        select = f"SELECT id FROM {name}"  # noqa: S608 -- our names
        named = self._named(select, ids) | self._named("SELECT id FROM vu", ids)
        return [ident for ident in ids if ident not in named]

    def unnamed_pairs(self, pairs: Sequence[RattachementEntry]) -> list[RattachementEntry]:
        """Those of the rattachements that no line names, and of persons whose lines could all be read."""
        ids = sorted({pair.id_personne for pair in pairs})
        seen = self._named("SELECT id FROM vu", ids)
        named = set(self._rows("SELECT id, id_structure FROM rattachement", ids))
        return [pair for pair in pairs if pair not in named and pair.id_personne not in seen]

    def _named(self, select: str, ids: Sequence[str]) -> set[str]:
        return {ident for (ident,) in self._rows(select, ids)}

    def _rows(self, select: str, ids: Sequence[str]) -> Iterable[tuple[Any, ...]]:
        marks = ", ".join("?" * len(ids))
        return self._db.execute(f"{select} WHERE id IN ({marks})", tuple(ids))

    def note_gone(self, name: str, rows: Iterable[Sequence[str]]) -> None:
        """Remember who has gone, until ``gone``: ids, or persons with a structure."""
        self._db.execute("BEGIN")
        self._db.executemany(
            "INSERT INTO depart VALUES (?, ?, ?)", [(name, row[0], row[1] if len(row) > 1 else None) for row in rows]
        )
        self._db.execute("COMMIT")

    def count_gone(self, name: str) -> int:
        """How many of a kind have gone."""
        return self._scalar("SELECT count(*) FROM depart WHERE nature = ?", name)

    def gone(self, name: str, size: int) -> Iterator[list[tuple[str, str | None]]]:
        """Who has gone, so many at a time."""
        cursor = self._db.execute("SELECT id, id_structure FROM depart WHERE nature = ?", (name,))
        while rows := cursor.fetchmany(size):
            yield rows

    def _scalar(self, statement: str, *values: object) -> int:
        return int(next(chain(self._db.execute(statement, values)))[0])
