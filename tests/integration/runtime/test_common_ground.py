"""The fixtures of ``conftest`` themselves: both sets are really there, and every test gets its own rows."""

from __future__ import annotations

import redis
from sqlalchemy import select

from runtime.settings import Settings
from storage.database import Database
from storage.tables import Structure


def test_the_database_is_of_the_set_asked_for(service_set: str, database: Database) -> None:
    expected = {"embedded": "sqlite", "production": "postgresql"}
    assert database.engine.dialect.name == expected[service_set]


def _add_the_structure(database: Database) -> None:
    with database.write() as session:
        assert session.scalars(select(Structure)).all() == []
        session.add(
            Structure(plateforme="TEST", id_national="10B0000001", raison_sociale="CH", departement="Rhône (69)")
        )


def test_a_test_finds_no_rows_of_another_first(database: Database) -> None:
    _add_the_structure(database)


def test_a_test_finds_no_rows_of_another_second(database: Database) -> None:
    _add_the_structure(database)


def test_the_queue_is_empty_and_answers(queue_url: str) -> None:
    with redis.Redis.from_url(queue_url) as client:
        assert client.dbsize() == 0
        client.set("left-behind", "1")


def test_the_queue_of_the_production_set_wants_its_password(service_set: str, settings: Settings) -> None:
    with redis.Redis.from_url(settings.queue_dsn()) as client:
        assert client.dbsize() == 0
        assert (settings.queue_password_file is not None) == (service_set == "production")


def test_settings_name_the_same_database(settings: Settings, database: Database) -> None:
    _add_the_structure(database)
    other = Database(settings.database_dsn())
    with other.read() as session:
        assert session.scalar(select(Structure.id_national)) == "10B0000001"
    other.dispose()
