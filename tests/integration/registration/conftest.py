"""The little world on both databases; the hierarchies are made once a session."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from registration.vocabulary import Plateforme
from storage import tables
from storage.database import Database
from tests.conftest import EMBEDDED
from tests.support.hierarchies import Hierarchy, make_hierarchy
from tests.support.postgres import PostgresServer
from tests.support.world import World, make_world

_KEPT = {"compteur"}  # filled by the migrations; numbers only ever grow


@pytest.fixture(scope="session")
def registration_database(postgres_server: PostgresServer) -> Iterator[str]:
    """One PostgreSQL database for all these tests, which empty it: making one a test would cost more than the tests."""
    name = "registration"
    yield postgres_server.create(name, template="igc_template")
    postgres_server.drop(name)


@pytest.fixture
def database_url(service_set: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a migrated database without rows, used by this test alone."""
    if service_set == EMBEDDED:
        path = tmp_path / "igc.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        return f"sqlite:///{path}"
    url: str = request.getfixturevalue("registration_database")
    _empty(url)
    return url


def _empty(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        # The triggers that keep the history would rightly refuse; so would foreign keys in this order.
        connection.execute(text("SET session_replication_role = replica"))
        for table in tables.Base.metadata.sorted_tables:
            if table.name not in _KEPT:
                connection.execute(table.delete())
    engine.dispose()


@pytest.fixture(scope="session")
def test_hierarchy(tmp_path_factory: pytest.TempPathFactory) -> Hierarchy:
    """The authorities of plateforme TEST."""
    return make_hierarchy(tmp_path_factory.mktemp("hierarchy-test"), "TEST")


@pytest.fixture
def world(database: Database, test_hierarchy: Hierarchy) -> World:
    """A world of this test's own, on each of the two databases."""
    return make_world(database, test_hierarchy)


@pytest.fixture(scope="session")
def production_hierarchy(tmp_path_factory: pytest.TempPathFactory) -> Hierarchy:
    """The authorities of plateforme PRODUCTION."""
    return make_hierarchy(tmp_path_factory.mktemp("hierarchy-production"), "PRODUCTION")


@pytest.fixture
def production(world: World, production_hierarchy: Hierarchy) -> World:
    """The other plateforme, with the same people in it, in the same database."""
    return make_world(world.db, production_hierarchy, Plateforme.PRODUCTION)
