"""Engines and sessions for SQLite (WAL) and PostgreSQL.

On SQLite every transaction begins IMMEDIATE: a read that later wants to write would otherwise fail at once with
"database is locked", whatever the busy timeout.
"""

from __future__ import annotations

import copy
import math
import sqlite3
import threading
import time
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import BigInteger, Table, bindparam, create_engine, event, or_, select, update
from sqlalchemy.orm import Session, sessionmaker

from storage.counts import write_counts
from storage.moments import Moment
from storage.pooling import is_pooled
from storage.refusals import DatabaseRefusedError, check_exists, refusals_told
from storage.sqlite.kept import KeptConnection
from storage.sqlite.turns import Turns
from storage.tables import Compteur
from storage.trail import AUTEUR, write_pending
from storage.waits import BATCH, Waits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy.engine import Connection, Engine
    from sqlalchemy.pool import ConnectionPoolEntry

_ENCODING = "UTF8"
_ONE_MOMENT = "REPEATABLE READ"
_TRY_AGAIN_SECONDS = 0.01
_POOLED = "igc_pooled"


def make_engine(url: str, *, pool_size: int = 5, waits: Waits = BATCH) -> Engine:
    """An engine for ``sqlite:///file`` or ``postgresql+psycopg://``; durable commits on both.

    Its errors and logs quote statements without their values, which may be personal.
    """
    make = _sqlite_engine if url.startswith("sqlite") else _postgresql_engine
    return make(url, pool_size, waits)


def _postgresql_engine(url: str, pool_size: int, waits: Waits) -> Engine:
    engine = create_engine(
        url,
        pool_size=pool_size,
        pool_timeout=waits.connection,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "connect_timeout": math.ceil(waits.connection),
            "client_encoding": "UTF8",
            # A server that vanished without a word is noticed, also in the middle of an answer.
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": int(1000 * waits.idle),
        },
    )

    limits = {
        "lock_timeout": waits.lock,
        "statement_timeout": waits.statement,
        "idle_in_transaction_session_timeout": waits.idle,
    }
    commands = {
        scope: "; ".join(f"SET {scope} {name} = {int(1000 * seconds)}" for name, seconds in limits.items())
        for scope in ("SESSION", "LOCAL")
    }

    @event.listens_for(engine, "connect")
    def configure(connection: Any, record: ConnectionPoolEntry) -> None:  # noqa: ANN401 -- the driver's connection
        _check_encoding(connection)
        # Until it is known what is at the other end, nothing is left there for a later statement.
        connection.prepare_threshold, usual = None, connection.prepare_threshold
        # Outside a transaction: what is set inside one goes with its rollback.
        connection.autocommit = True
        pooled = record.info[_POOLED] = is_pooled(connection)
        if not pooled:
            connection.execute(commands["SESSION"])
            connection.prepare_threshold = usual
        connection.autocommit = False

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.info.get(_POOLED):
            connection.exec_driver_sql(commands["LOCAL"])

    return engine


def _check_encoding(connection: Any) -> None:  # noqa: ANN401 -- the driver's connection
    """DatabaseRefusedError for a database that cannot hold every name, or that holds octets without a meaning."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != _ENCODING:
        connection.close()
        reason = f"elle est en {encoding}, {_ENCODING} attendu ; la créer avec `createdb -E UTF8 -T template0`"
        raise DatabaseRefusedError(reason, lasting=True)


def _sqlite_engine(url: str, pool_size: int, waits: Waits) -> Engine:
    busy_ms = int(1000 * waits.lock)
    engine = create_engine(
        url,
        pool_size=pool_size,
        pool_timeout=waits.connection,
        connect_args={"timeout": waits.lock},
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:  # noqa: ANN401 -- the driver's connection
        # The driver must not open transactions by itself; ``begin`` below does.
        connection.isolation_level = None
        cursor = connection.cursor()
        _log_ahead(cursor, waits.lock)
        for pragma in (
            "synchronous=FULL",  # an index handed out survives a power cut
            "foreign_keys=ON",
            "recursive_triggers=ON",  # else INSERT OR REPLACE removes a line without asking the triggers
            f"busy_timeout={busy_ms}",
            "cache_size=-8192",  # per connection: more only makes every process larger
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("igc_read_only", False):
            # Waits for nobody, so that no error of it has to be told by SQLAlchemy, whose way is long.
            driver = cast("sqlite3.Connection", connection.connection.driver_connection)
            if not driver.in_transaction:  # else a session joins what ``KeptConnection`` has begun
                driver.execute("BEGIN")
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _turns_of(engine: Engine) -> Turns | None:
    path = engine.url.database
    is_file = engine.dialect.name == "sqlite" and path and path != ":memory:"
    return Turns(Path(path)) if path and is_file else None


def _log_ahead(cursor: sqlite3.Cursor, seconds: float) -> None:
    """Have the file in WAL mode. Processes that meet at a new file would fail, all but one: SQLite has none wait."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
            time.sleep(_TRY_AGAIN_SECONDS)
        else:
            return


class NoNumberLeftError(Exception):
    """No number may be handed out before a worker has written down, outside of the database, how far they go."""


_counters = cast("Table", Compteur.__table__).c
_NUMBER = bindparam("number", type_=BigInteger)
_TAKE = (
    update(cast("Table", Compteur.__table__))
    .where(
        _counters.nom == bindparam("counter"),
        or_(_counters.plafond.is_(None), _counters.prochain + _NUMBER - 1 <= _counters.plafond),
    )
    .values(prochain=_counters.prochain + _NUMBER)
    .returning(_counters.prochain)
)


def reserve_in(session: Session, nom: str, count: int) -> int:
    """The first of ``count`` consecutive numbers of counter ``nom``, never handed out again; with this transaction.

    NoNumberLeftError beyond the ``plafond`` of the counter; LookupError for one that is not there.
    """
    connection = session.connection()
    following = connection.scalar(_TAKE, {"counter": nom, "number": count})
    if following is not None:
        return int(following) - count
    if connection.scalar(select(Compteur.nom).where(Compteur.nom == nom)) is None:
        raise LookupError(nom)
    raise NoNumberLeftError(nom)


def _reserve_each(session: Session, counts: Mapping[str, int]) -> dict[str, int]:
    return {nom: reserve_in(session, nom, count) for nom, count in counts.items() if count}


class Database:
    """The door to the rows: ``write`` for one transaction, ``read`` for queries that never write."""

    def __init__(self, url: str, *, auteur: str = "igc", pool_size: int = 5, waits: Waits = BATCH) -> None:
        """Connect lazily; ``url`` is an SQLAlchemy URL, ``auteur`` names this process in the audit trail.

        What takes longer than ``waits`` allows raises an error of which ``waits.is_busy`` is true.
        """
        self.engine = make_engine(url, pool_size=pool_size, waits=waits)
        self._waits = waits
        self._shared = threading.local()
        self._turns = _turns_of(self.engine)
        self._write = sessionmaker(self.engine, expire_on_commit=False, info={AUTEUR: auteur})
        self._reading = self.engine.execution_options(igc_read_only=True)
        self._read = sessionmaker(self._reading, expire_on_commit=False, autoflush=False)
        # SQLite knows nothing else; to PostgreSQL each statement would be a moment of its own.
        is_sqlite = self.engine.dialect.name == "sqlite"
        self._viewing = self._reading if is_sqlite else self._reading.execution_options(isolation_level=_ONE_MOMENT)
        self._kept = KeptConnection(self._reading) if self._turns is not None else None

    def signed(self, auteur: str) -> Database:
        """This very database, connections and all, for acts that the audit trail tells under another name."""
        other = copy.copy(self)
        other._write = sessionmaker(self.engine, expire_on_commit=False, info={AUTEUR: auteur})  # noqa: SLF001 -- its own kind
        return other

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction: committed when the block ends, rolled back whole on any error.

        What was noted for the audit trail is written last; TrailError when it cannot be.
        """
        if self._moment_under_way is not None:
            raise RuntimeError("a write inside a view")
        with self._turn(), self._write.begin() as session:
            yield session
            write_counts(session)
            write_pending(session)

    @property
    def has_one_writer(self) -> bool:
        """Whether everybody else waits while one transaction writes: SQLite."""
        return self._turns is not None

    def _turn(self) -> AbstractContextManager[None]:
        return nullcontext() if self._turns is None else self._turns.hold(self._waits.lock)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One consistent view; anything written in it is rolled back. Inside ``view``, that one."""
        moment = self._moment_under_way
        if moment is not None:
            yield moment.session
            return
        with self._read() as session:
            yield session
            session.expunge_all()  # what was read stays usable after the rollback
            session.rollback()

    def view(self) -> AbstractContextManager[Moment]:
        """Have every ``read`` and ``view`` of this thread inside the block see one moment, at the cost of one.

        RuntimeError for a ``write`` inside: on SQLite it would wait for what this thread itself keeps open.
        """
        moment = self._moment_under_way
        return self._new_view() if moment is None else nullcontext(moment)

    @contextmanager
    def _new_view(self) -> Iterator[Moment]:
        with self._connection_to_view() as connection:
            moment = self._shared.moment = Moment(self.engine, connection, self._read)
            try:
                yield moment
            finally:
                del self._shared.moment
                moment.close()

    def _connection_to_view(self) -> AbstractContextManager[Connection]:
        """A connection in a transaction that is over with the block, and never committed."""
        kept = self._kept
        return kept if kept is not None and kept.take() else self._pooled_view()

    @contextmanager
    def _pooled_view(self) -> Iterator[Connection]:
        with self._viewing.connect() as connection:
            connection.begin()
            yield connection

    @property
    def _moment_under_way(self) -> Moment | None:
        moment: Moment | None = getattr(self._shared, "moment", None)
        return moment

    @contextmanager
    def write_numbered(self, counts: Mapping[str, int]) -> Iterator[tuple[Session, dict[str, int]]]:
        """As ``write``, with the first of so many consecutive numbers of each counter: NoNumberLeftError, see there.

        Where several may write, the numbers come from a transaction of their own, at the price of gaps when the
        caller fails: nobody waits for another one's work. Where everybody waits anyhow, one transaction does.
        """
        if self.has_one_writer:
            with self.write() as session:
                yield session, _reserve_each(session, counts)
            return
        with self.write() as session:
            first = _reserve_each(session, counts)
        with self.write() as session:
            yield session, first

    def check(self) -> None:
        """DatabaseRefusedError, with its reason in French, when the database does not serve us now; none is made."""
        check_exists(self.engine.url)
        with refusals_told(), self.read() as session:
            session.execute(select(1))

    def refuse_unfit(self) -> None:
        """DatabaseRefusedError when nobody but a person can mend it: password, rights, encoding, no such database.

        A database that is away may come back: that is waited for.
        """
        try:
            self.check()
        except DatabaseRefusedError as error:
            if error.lasting:
                raise

    def dispose(self) -> None:
        """Close every connection (before a fork, at the end of a test)."""
        if self._kept is not None:
            self._kept.close()
        self.engine.dispose()
        if self._turns is not None:
            self._turns.close()
