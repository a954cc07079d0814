"""The connection that stays open for views of an SQLite file: what a view leaves behind, and what it never holds."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from storage.database import Database
from storage.migrate import upgrade
from storage.moments import Prepared
from storage.tables import Compteur

NAMES = Prepared(select(Compteur.nom))


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'igc.db'}"
    upgrade(url)
    database = Database(url)
    yield database
    database.dispose()


def add(db: Database, nom: str) -> None:
    with db.write() as session:
        session.add(Compteur(nom=nom, prochain=1))


def names(db: Database) -> set[str]:
    with db.view() as moment:
        return {row.nom for row in moment.rows(NAMES)}


def test_each_view_sees_what_was_committed_before_it_and_nothing_later(db: Database) -> None:
    names(db)
    add(db, "avant")
    with db.view() as moment:
        first = {row.nom for row in moment.rows(NAMES)}
        add_elsewhere(db, "pendant")
        assert {row.nom for row in moment.rows(NAMES)} == first
        assert set(moment.session.scalars(select(Compteur.nom))) == first
    assert {"avant", "pendant"} <= names(db)
    assert "pendant" not in first


def add_elsewhere(db: Database, nom: str) -> None:
    """From another thread: this one may not write inside a view."""
    thread = threading.Thread(target=add, args=(db, nom))
    thread.start()
    thread.join()


def test_a_session_before_the_first_prepared_statement_sees_the_same_moment(db: Database) -> None:
    names(db)
    with db.view() as moment:
        first = set(moment.session.scalars(select(Compteur.nom)))
        add_elsewhere(db, "pendant")
        assert {row.nom for row in moment.rows(NAMES)} == first


def test_nothing_written_in_a_view_stays(db: Database) -> None:
    with db.view() as moment:
        moment.session.execute(text("INSERT INTO compteur (nom, prochain) VALUES ('faux', 1)"))
    assert "faux" not in names(db)


def look_and_fail(db: Database, error: Exception) -> None:
    with db.view() as moment:
        moment.rows(NAMES)
        raise error


def test_a_view_that_ends_in_an_error_leaves_no_transaction_behind(db: Database, tmp_path: Path) -> None:
    for error in (ValueError("refusée"), SQLAlchemyError("rompue")):
        with pytest.raises(type(error)):
            look_and_fail(db, error)
        add(db, f"après {type(error).__name__}")
    assert {"après ValueError", "après SQLAlchemyError"} <= names(db)
    other = sqlite3.connect(tmp_path / "igc.db")
    # A reader that stayed would keep the log from being emptied.
    assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    other.close()


def test_a_second_view_at_the_same_time_has_a_connection_of_its_own(db: Database) -> None:
    seen: list[set[str]] = []
    with db.view() as moment:
        moment.rows(NAMES)
        add_elsewhere(db, "pendant")
        thread = threading.Thread(target=lambda: seen.append(names(db)))
        thread.start()
        thread.join()
        assert "pendant" not in {row.nom for row in moment.rows(NAMES)}
    assert "pendant" in seen[0]


def test_it_is_closed_with_the_database_and_opened_again(db: Database, tmp_path: Path) -> None:
    names(db)
    assert list(tmp_path.glob("igc.db-*wal"))
    db.dispose()
    # Whoever closes a file as the last one takes its log away.
    assert not list(tmp_path.glob("igc.db-*wal"))
    assert names(db)
