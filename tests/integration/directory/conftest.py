"""What these tests share: files to import, and what the tables then say."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from batch.directory.finess import FinessExtract
from batch.directory.rpps import RppsExtract
from batch.directory.spreadsheets import StaffFile, StructuresFile
from bench.extracts import Professionals, write_finess
from registration.directory.conduct import Conduct, Summary
from registration.directory.entries import Extract, Reject
from registration.directory.importing import import_extract
from registration.vocabulary import Plateforme
from storage import tables
from storage.database import Database
from tests.support.clock import Clock
from tests.support.hierarchies import Hierarchy
from tests.support.world import World, make_world

MODELS = (tables.Structure, tables.Personne, tables.Rattachement)


@dataclass
class Desk:
    """Where files are imported into a database; keeps the rejects of the last import."""

    db: Database
    folder: Path
    clock: Clock = field(default_factory=Clock)
    rejects: list[Reject] = field(default_factory=list)

    def take(self, extract: Extract, **conduct: Any) -> Summary:
        self.rejects.clear()
        given = replace(Conduct(reject=self.rejects.append, clock=self.clock), **conduct)
        return import_extract(self.db, Plateforme.TEST, extract, given)

    def rpps(self, professionals: Professionals, **conduct: Any) -> Summary:
        return self.take(RppsExtract(professionals.write(self.folder / "rpps.txt")), **conduct)

    def finess(self, numbers: range, kind: str = "structureet") -> Summary:
        return self.take(FinessExtract(write_finess(self.folder / "finess.csv", numbers, kind=kind)))

    def structures(self, *rows: str, is_whole: bool = True) -> Summary:
        path = self.folder / "structures.csv"
        path.write_text("\n".join(["identifiant;raison_sociale;departement", *rows, ""]))
        return self.take(StructuresFile(path, is_whole=is_whole))

    def staff(self, *rows: str, is_whole: bool = True, also: frozenset[str] = frozenset()) -> Summary:
        path = self.folder / "personnel.csv"
        path.write_text("\n".join(["identifiant;type;nom;prenom;titre;structure", *rows, ""]))
        return self.take(StaffFile(path, is_whole=is_whole, also=also))

    def rows(self, model: Any) -> dict[Any, dict[str, Any]]:
        """Every row of a table by its key."""
        with self.db.read() as session:
            found = session.execute(select(*model.__table__.columns)).mappings().all()
        keys = [column.name for column in model.__table__.primary_key if column.name != "plateforme"]
        return {tuple(row[key] for key in keys) if len(keys) > 1 else row[keys[0]]: dict(row) for row in found}

    def all_rows(self) -> dict[str, Any]:
        return {model.__tablename__: self.rows(model) for model in MODELS}

    def there(self, model: Any) -> set[Any]:
        """The keys of who is in the directory now."""
        return {key for key, row in self.rows(model).items() if row["disparu_le"] is None}


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    return Desk(database, tmp_path)


@pytest.fixture
def world(database: Database, hierarchy: Hierarchy) -> World:
    return make_world(database, hierarchy)
