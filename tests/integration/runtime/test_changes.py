"""Who waits for the commits of others hears them, on both databases, with a pooler between, and after they were away."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import text

from storage.changes import Changes, announce
from storage.database import Database
from tests.support.pooler import Pooler
from tests.support.postgres import PostgresServer

LONG = 30.0


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


@pytest.fixture
def other(database: Database) -> Iterator[Database]:
    """Another process's connections to the same database."""
    found = Database(database.engine.url.render_as_string(hide_password=False))
    yield found
    found.dispose()


def heard(database: Database, stop: threading.Event) -> Changes:
    """One that has heard all that was before."""
    changes = Changes(database.engine, stop, deaf_seconds=0.01)
    while changes.wait(0.05):
        pass
    return changes


def commit(database: Database, *, fails: bool = False) -> None:
    with database.write() as session:
        session.execute(text("UPDATE compteur SET prochain = prochain + 1"))
        announce(session)
        if fails:
            raise ZeroDivisionError


def test_a_commit_ends_the_wait(database: Database, other: Database, stop: threading.Event) -> None:
    changes = heard(database, stop)
    timer = threading.Timer(0.1, commit, [other])
    timer.start()
    assert changes.wait(LONG)
    timer.join()
    assert not changes.wait(0.05)
    changes.close()


def test_one_that_came_between_two_waits_is_not_missed(
    database: Database, other: Database, stop: threading.Event
) -> None:
    changes = heard(database, stop)
    commit(other)
    assert changes.wait(LONG)
    changes.close()


def test_what_was_rolled_back_is_not_heard(database: Database, other: Database, stop: threading.Event) -> None:
    changes = heard(database, stop)
    with pytest.raises(ZeroDivisionError):
        commit(other, fails=True)
    assert not changes.wait(0.2)
    changes.close()


def test_a_stop_ends_the_wait(database: Database, stop: threading.Event) -> None:
    changes = heard(database, stop)
    threading.Timer(0.1, stop.set).start()
    started = time.monotonic()
    assert not changes.wait(LONG)
    assert time.monotonic() - started < LONG / 2
    changes.close()


def test_behind_a_pooler_who_waits_looks_for_himself(postgres_server: PostgresServer, stop: threading.Event) -> None:
    name = "pooled_changes"
    postgres_server.create(name)
    with (
        TemporaryDirectory(prefix="igc-") as folder,
        Pooler(Path(folder), postgres_server.folder, "igc", name) as pooler,
    ):
        pooled = Database(pooler.url)
        changes = Changes(pooled.engine, stop, deaf_seconds=0.01)
        assert changes.wait(LONG)
        assert changes.wait(LONG)
        changes.close()
        pooled.dispose()
    postgres_server.drop(name)


def test_a_database_that_is_away_is_asked_again(
    database: Database, other: Database, stop: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = Changes(database.engine, stop, deaf_seconds=0.01)
    with monkeypatch.context() as away:
        away.setattr(changes, "_open", _fails)
        assert changes.wait(LONG)
    while changes.wait(0.05):
        pass
    commit(other)
    assert changes.wait(LONG)
    changes.close()


def _fails() -> None:
    raise OSError
