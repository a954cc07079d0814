"""Damage for the tests: the append-only tables of a test's own database, opened as no plateforme ever opens them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from storage.database import Database


@contextmanager
def unlocked(db: Database, table: str) -> Iterator[None]:
    """The triggers of one append-only table are away meanwhile: what somebody with the database's password can do."""
    sqlite = db.engine.dialect.name == "sqlite"
    with db.engine.begin() as connection:
        if sqlite:
            query = text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table")
            triggers = connection.execute(query, {"table": table}).all()
            for name, _sql in triggers:
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        else:
            connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    try:
        yield
    finally:
        with db.engine.begin() as connection:
            for statement in (
                [sql for _name, sql in triggers] if sqlite else [f"ALTER TABLE {table} ENABLE TRIGGER USER"]
            ):
                connection.exec_driver_sql(statement)


@contextmanager
def refusing(db: Database, table: str) -> Iterator[None]:
    """Nothing can be inserted into one table meanwhile: a full disk, a lost right, a damaged file."""
    sqlite = db.engine.dialect.name == "sqlite"
    with db.engine.begin() as connection:
        if sqlite:
            connection.exec_driver_sql(
                f"CREATE TRIGGER refusing BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'refused'); END"
            )
        else:
            connection.exec_driver_sql(f"ALTER TABLE {table} ADD CONSTRAINT refusing CHECK (false) NOT VALID")
    try:
        yield
    finally:
        with db.engine.begin() as connection:
            if sqlite:
                connection.exec_driver_sql("DROP TRIGGER refusing")
            else:
                connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT refusing")
