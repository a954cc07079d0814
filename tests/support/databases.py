"""Looking at a database from outside: how many rows it has, which statements it is sent; one emptied again and again."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, event, func, select

from storage import tables
from storage.database import Database, reserve_in
from tests.support.postgres import PostgresServer

_SCHEMA = """
SELECT md5(string_agg(part, E'\\n' ORDER BY part)) FROM (
    SELECT concat('class ', oid, relname, relkind) AS part FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT concat('column ', attrelid, attnum, attname, atttypid, attnotnull)
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT concat('constraint ', oid, conname, convalidated)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT concat('trigger ', oid, tgname, tgenabled) FROM pg_trigger
    UNION ALL SELECT concat('function ', oid, proname, md5(prosrc))
        FROM pg_proc WHERE pronamespace = 'public'::regnamespace
) AS parts
"""
_OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
_FROM_ONE = """
SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace
"""


class ReusedDatabase(ABC):
    """One database and one engine for the tests of a session, as the migrations leave it before each of them.

    A database a test would cost more than many a test, and SQLAlchemy compiles every statement again for a new engine.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.database = Database(url)

    def renew(self) -> None:
        """Take everything away that a test has left: rows, numbers, connections, changes of the schema."""
        self.database.dispose()
        self._renew()

    @abstractmethod
    def _renew(self) -> None: ...


class ReusedSqlite(ReusedDatabase):
    """A file, which is replaced: whoever has the former one open keeps that."""

    def __init__(self, folder: Path, template: Path) -> None:
        self._path, self._template = folder / "igc.db", template
        super().__init__(f"sqlite:///{self._path}")

    def _renew(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        shutil.copyfile(self._template, self._path)


class ReusedPostgres(ReusedDatabase):
    """A database that is emptied, and made anew when a test has changed its schema."""

    _NAME = "reused"

    def __init__(self, server: PostgresServer, template: str) -> None:
        self._server, self._template = server, template
        super().__init__(server.create(self._NAME, template=template))
        with self.database.engine.connect() as connection:
            self._schema = connection.exec_driver_sql(_SCHEMA).scalar_one()
            found = {
                table: [dict(row) for row in connection.execute(table.select()).mappings()]
                for table in tables.Base.metadata.sorted_tables
            }
        self._rows = {table: rows for table, rows in found.items() if rows}

    def _renew(self) -> None:
        with self.database.engine.begin() as connection:
            connection.exec_driver_sql(_OTHERS)
            same = connection.exec_driver_sql(_SCHEMA).scalar_one() == self._schema
            if same:
                # The triggers that keep the history would rightly refuse; so would foreign keys in this order.
                connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
                connection.exec_driver_sql(
                    "; ".join(f"DELETE FROM {table.name}" for table in tables.Base.metadata.sorted_tables)
                )
                connection.exec_driver_sql(_FROM_ONE)
                for table, rows in self._rows.items():
                    connection.execute(table.insert(), rows)
        if not same:
            self.database.dispose()
            self._server.drop(self._NAME)
            self._server.create(self._NAME, template=self._template)
            with self.database.engine.connect() as connection:
                self._schema = connection.exec_driver_sql(_SCHEMA).scalar_one()


def count_rows(db: Database) -> dict[str, int]:
    """How many rows each table has: what "nothing was stored" means."""
    with db.read() as session:
        return {
            name: session.scalar(select(func.count()).select_from(table)) or 0
            for name, table in tables.Base.metadata.tables.items()
        }


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """The SQL statements sent while the block runs, without those that begin transactions.

    One that carries many rows counts once.
    """
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith("BEGIN"):
            sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def assert_same_cost(db: Database, small: Callable[[], object], large: Callable[[], object]) -> int:
    """How many statements both acts take, however much more the second one has to do."""
    costs = []
    for act in (small, large):
        with statements(db.engine) as sent:
            act()
        costs.append(len(sent))
    assert costs[0] == costs[1], costs
    return costs[0]


def reserve(db: Database, nom: str, count: int) -> int:
    """The first of so many numbers of a counter, in a transaction of its own."""
    with db.write() as session:
        return reserve_in(session, nom, count)
