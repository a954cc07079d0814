"""Many rows in one statement, past the ORM: what the lots live by (17 000 rows/s against 900 single commits)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, TypeVar, cast

from sqlalchemy import Insert, Table, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from storage.tables import Base

_T = TypeVar("_T")
# Both databases bound the number of parameters of a statement.
_LIMIT = 900
_CACHE_KIB, _PAGES_BEHIND = 32 * 1024, 16_000


def insert_rows(
    session: Session, model: type[Base], rows: Sequence[dict[str, Any]], *, ignore_conflicts: bool = False
) -> None:
    """Insert all rows, or none; with ``ignore_conflicts`` a row whose key exists is passed over silently."""
    if not rows:
        return
    dialect = session.get_bind().dialect.name if ignore_conflicts else None
    session.connection().execute(_statement(model, dialect), list(rows))


def insert_if_new(session: Session, model: type[Base], row: dict[str, Any]) -> bool:
    """Insert one row, unless its key exists, also by another transaction that commits first; whether it was."""
    statement = _statement(model, session.get_bind().dialect.name)
    done = session.connection().execute(statement, row, execution_options={"preserve_rowcount": True})
    return done.rowcount == 1


@cache
def _statement(model: type[Base], passing_over: str | None) -> Insert:
    """Made once; ``passing_over`` conflicts it is a statement of that dialect."""
    table = cast("Table", model.__table__)
    if passing_over is None:
        return insert(table)
    if passing_over == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def insert_new(session: Session, model: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """As ``insert_rows`` passing over rows whose key exists, for thousands of rows that give every column.

    PostgreSQL takes the columns as arrays in one statement: so many executions cost both sides several times as much.
    """
    dialect = session.get_bind().dialect
    if dialect.name != "postgresql" or not rows:
        insert_rows(session, model, rows, ignore_conflicts=True)
        return
    table = cast("Table", model.__table__)
    names = [column.name for column in table.columns]
    arrays = ", ".join(
        f"%({column.name})s::{column.type.compile(dialect).partition(' COLLATE')[0]}[]" for column in table.columns
    )
    session.connection().exec_driver_sql(
        f"INSERT INTO {table.name} ({', '.join(names)}) SELECT * FROM unnest({arrays}) ON CONFLICT DO NOTHING",  # noqa: S608 -- our names
        {name: [row[name] for row in rows] for name in names},
    )


def expect_many(session: Session) -> None:
    """Have the connection of this transaction ready for rows by the hundred thousand, here and there in its indexes.

    On SQLite every process has a small cache and writes what it has changed into the file often, which is right for all
    that a plateforme does otherwise; here the same pages would be read and written over and over.
    """
    if session.get_bind().dialect.name == "sqlite":
        connection = session.connection()
        connection.exec_driver_sql(f"PRAGMA cache_size = -{_CACHE_KIB}")
        connection.exec_driver_sql(f"PRAGMA wal_autocheckpoint = {_PAGES_BEHIND}")


def slices(values: Iterable[_T], size: int = _LIMIT) -> Iterator[list[_T]]:
    """The values in order, at most ``size`` at a time: what one statement can name."""
    ordered = list(values)
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]
