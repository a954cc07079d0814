"""A plateforme that publishes and seals, a backup of its database, and what it did after the backup."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from batch.context import DelegateFiles
from batch.queue.jobs import install, seal_trail
from storage.database import Database
from tests.conftest import EMBEDDED
from tests.support.hierarchies import Hierarchy
from tests.support.postgres import PostgresServer
from tests.support.world import World, make_world

PASSPHRASE = b"phrase de passe des sceaux"
Backup = Callable[[World], Callable[[], World]]


@pytest.fixture
def world(database: Database, hierarchy: Hierarchy, tmp_path: Path) -> World:
    """Its clock stands still; its root signs elsewhere."""
    made = make_world(database, hierarchy.without_root_keys())
    publication = tmp_path / "publication"
    publication.mkdir()
    return replace(made, publication=publication, seals=DelegateFiles(tmp_path / "sceaux", PASSPHRASE))


@pytest.fixture
def backup(service_set: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backup]:
    """Saves the database of a world; what it gives makes the world go on with that copy, as after a restoration."""
    undo: list[Callable[[], object]] = []

    def save(world: World) -> Callable[[], World]:
        world.db.dispose()
        if service_set == EMBEDDED:
            path = tmp_path / f"backup-{len(undo)}.db"
            with world.db.engine.connect() as connection:
                connection.rollback()
                connection.connection.cursor().execute(f"VACUUM INTO '{path}'")
            restored = f"sqlite:///{tmp_path / f'restored-{len(undo)}.db'}"
            make: Callable[[], object] = lambda: shutil.copyfile(path, restored.removeprefix("sqlite:///"))  # noqa: E731 -- one of two
        else:
            server: PostgresServer = request.getfixturevalue("postgres_server")
            name = f"{world.db.engine.url.database!s}_backup_{len(undo)}"
            restored = server.create(name, template=str(world.db.engine.url.database))
            undo.append(lambda: server.drop(name))
            make = lambda: None  # noqa: E731 -- one of two

        def restore() -> World:
            make()
            db = Database(restored)
            undo.append(db.dispose)
            return replace(world, db=db)

        return restore

    yield save
    for act in reversed(undo):
        act()


def seal(world: World) -> None:
    """As the relay has it done every minute."""
    install(world.context)
    seal_trail()


def set_rows(world: World, *statements: str) -> None:
    """Somebody who has the database and nothing else; its triggers do not stop him."""
    with world.db.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        else:
            names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
            for name in names:
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.exec_driver_sql(statement)
