"""The little world on both databases; the hierarchies are made once a session."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from registration.vocabulary import Plateforme
from storage import tables
from storage.database import Database
from tests.conftest import EMBEDDED
from tests.support.hierarchies import Hierarchy, make_hierarchy
from tests.support.invariants import breaches
from tests.support.postgres import PostgresServer
from tests.support.world import World, make_world

_KEPT = {"compteur", "tete_audit"}  # filled by the migrations; numbers only ever grow
_NEW_TRAIL = "UPDATE tete_audit SET numero = 0, historique = 0, empreinte = decode(repeat('00', 32), 'hex')"


@dataclass
class ReusedDatabase:
    """One database and one engine for all these tests, emptied before each of them.

    A database a test would cost more than the tests, and SQLAlchemy compiles every statement again for a new engine.
    """

    url: str
    database: Database
    template: Path | None = None

    def empty(self) -> None:
        if self.template is not None:
            self.database.dispose()
            path = Path(self.url.removeprefix("sqlite:///"))
            for suffix in ("-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            shutil.copyfile(self.template, path)
            return
        deletions = [
            f"DELETE FROM {table.name}" for table in tables.Base.metadata.sorted_tables if table.name not in _KEPT
        ]
        with self.database.engine.begin() as connection:
            # The triggers that keep the history would rightly refuse; so would foreign keys in this order.
            connection.exec_driver_sql(
                "; ".join(
                    [
                        "SET session_replication_role = replica",
                        *deletions,
                        _NEW_TRAIL,
                        "SET session_replication_role = DEFAULT",
                    ]
                )
            )


@pytest.fixture(scope="session")
def embedded_database(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReusedDatabase]:
    url = f"sqlite:///{tmp_path_factory.mktemp('registration') / 'igc.db'}"
    reused = ReusedDatabase(url, Database(url), sqlite_template)
    yield reused
    reused.database.dispose()


@pytest.fixture(scope="session")
def production_database(postgres_server: PostgresServer) -> Iterator[ReusedDatabase]:
    name = "registration"
    url = postgres_server.create(name, template="igc_template")
    reused = ReusedDatabase(url, Database(url))
    yield reused
    reused.database.dispose()
    postgres_server.drop(name)


@pytest.fixture
def reused_database(service_set: str, request: pytest.FixtureRequest) -> ReusedDatabase:
    """The database of this set, without rows."""
    name = "embedded_database" if service_set == EMBEDDED else "production_database"
    reused: ReusedDatabase = request.getfixturevalue(name)
    reused.empty()
    return reused


@pytest.fixture
def database_url(reused_database: ReusedDatabase) -> str:
    """The URL of a migrated database without rows, used by this test alone."""
    return reused_database.url


@pytest.fixture
def database(reused_database: ReusedDatabase) -> Database:
    """That database, open."""
    return reused_database.database


@pytest.fixture(scope="session")
def test_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the authorities of plateforme TEST have their files."""
    return tmp_path_factory.mktemp("hierarchy-test")


@pytest.fixture(scope="session")
def test_hierarchy(test_folder: Path) -> Hierarchy:
    """The authorities of plateforme TEST."""
    return make_hierarchy(test_folder, "TEST")


@pytest.fixture
def world(database: Database, test_hierarchy: Hierarchy) -> Iterator[World]:
    """A world of this test's own, on each of the two databases; its rows are in order when the test ends."""
    yield make_world(database, test_hierarchy)
    assert breaches(database) == []


@pytest.fixture(scope="session")
def production_hierarchy(tmp_path_factory: pytest.TempPathFactory) -> Hierarchy:
    """The authorities of plateforme PRODUCTION."""
    return make_hierarchy(tmp_path_factory.mktemp("hierarchy-production"), "PRODUCTION")


@pytest.fixture
def production(world: World, production_hierarchy: Hierarchy) -> World:
    """The other plateforme, with the same people in it, in the same database."""
    return make_world(world.db, production_hierarchy, Plateforme.PRODUCTION)
