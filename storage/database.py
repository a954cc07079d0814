"""Engines and sessions for SQLite (WAL) and PostgreSQL.

On SQLite every transaction begins IMMEDIATE: a read that later wants to write would otherwise fail at once with
"database is locked", whatever the busy timeout.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event, select, update
from sqlalchemy.orm import Session, sessionmaker

from storage.tables import Compteur
from storage.trail import AUTEUR, write_pending

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection, Engine

_BUSY_TIMEOUT_MS = 30_000


def make_engine(url: str, *, pool_size: int = 5) -> Engine:
    """An engine for ``sqlite:///file`` or ``postgresql+psycopg://``; durable commits on both.

    Its errors and logs quote statements without their values, which may be personal.
    """
    if not url.startswith("sqlite"):
        return create_engine(url, pool_size=pool_size, pool_pre_ping=True, hide_parameters=True)
    engine = create_engine(
        url, pool_size=pool_size, connect_args={"timeout": _BUSY_TIMEOUT_MS / 1000}, hide_parameters=True
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:  # noqa: ANN401 -- the driver's connection
        # The driver must not open transactions by itself; ``begin`` below does.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",  # an index handed out survives a power cut
            "foreign_keys=ON",
            "recursive_triggers=ON",  # else INSERT OR REPLACE removes a line without asking the triggers
            f"busy_timeout={_BUSY_TIMEOUT_MS}",
            "cache_size=-8192",  # per connection: more only makes every process larger
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        read_only = connection.get_execution_options().get("igc_read_only", False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def reserve_in(session: Session, nom: str, count: int) -> int:
    """As ``Database.reserve``, inside a transaction that is under way; other writers wait for its end."""
    first = session.scalar(select(Compteur.prochain).where(Compteur.nom == nom).with_for_update())
    if first is None:
        raise LookupError(nom)
    session.execute(update(Compteur).where(Compteur.nom == nom).values(prochain=first + count))
    return first


class Database:
    """The door to the rows: ``write`` for one transaction, ``read`` for queries that never write."""

    def __init__(self, url: str, *, auteur: str = "igc", pool_size: int = 5) -> None:
        """Connect lazily; ``url`` is an SQLAlchemy URL, ``auteur`` names this process in the audit trail."""
        self.engine = make_engine(url, pool_size=pool_size)
        self._write = sessionmaker(self.engine, expire_on_commit=False, info={AUTEUR: auteur})
        self._read = sessionmaker(
            self.engine.execution_options(igc_read_only=True), expire_on_commit=False, autoflush=False
        )

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction: committed when the block ends, rolled back whole on any error.

        What was noted for the audit trail is written last; TrailError when it cannot be.
        """
        with self._write.begin() as session:
            yield session
            write_pending(session)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One consistent view; anything written in it is rolled back."""
        with self._read() as session:
            yield session
            session.expunge_all()  # what was read stays usable after the rollback
            session.rollback()

    def reserve(self, nom: str, count: int) -> int:
        """The first of ``count`` consecutive numbers of counter ``nom``, never handed out again.

        In a transaction of its own, before the caller's: so no writer waits for another one's work, at the
        price of gaps when the caller fails.
        """
        with self.write() as session:
            return reserve_in(session, nom, count)

    def dispose(self) -> None:
        """Close every pooled connection (before a fork, at the end of a test)."""
        self.engine.dispose()
