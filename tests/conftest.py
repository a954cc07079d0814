"""What every test may ask for: a database and a queue, real ones, of both sets.

``service_set`` runs a test twice: on the embedded set (SQLite file, Valkey on a Unix socket) and, marked
``postgresql``, on the production set (PostgreSQL, Valkey by URL with a password). Servers start when first needed,
serve one session and die with it, even when it is killed. What cannot start fails the tests. What a test may need of
the system beyond them is said in ``tests/support/floors.py``.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import redis
import structlog

from registration.rules import revocation_code
from runtime import logs
from runtime.processes.embedded_queue import EmbeddedQueue
from runtime.settings.model import PREFIX, Settings
from storage.database import Database
from storage.migrate import upgrade
from tests.support.databases import ReusedDatabase, ReusedPostgres, ReusedSqlite
from tests.support.hierarchies import Hierarchy, make_hierarchy
from tests.support.postgres import PostgresServer
from tests.support.queue_server import TcpQueueServer

pytest_plugins = ("tests.support.floors",)

# A shell that puts the tests in the background has Ctrl-C ignored, and every process that they start would inherit it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

EMBEDDED = "embedded"
PRODUCTION = "production"
_TEMPLATE = "igc_template"
_numbers = count(1)


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]


@pytest.fixture(autouse=True)
def _codes_hashed_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A revocation code is hashed slowly on purpose, by the thousand in these tests: what it costs has a test of its own."""
    monkeypatch.setattr(revocation_code, "_N", 2**8)


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """A verb called in this process sets up the logs of its process; the next test finds them as this one did."""
    loggers = [logging.root, *(logging.getLogger(name) for name in (*logs._QUIET, *logs._SILENT))]
    before = [(one, one.level, one.propagate, one.handlers[:]) for one in loggers]
    was_configured, config = structlog.is_configured(), structlog.get_config()
    yield
    for one, level, propagate, handlers in before:
        one.setLevel(level)
        one.propagate = propagate
        one.handlers[:] = handlers
    if was_configured:
        structlog.configure(**config)
    else:
        structlog.reset_defaults()


@pytest.fixture(params=[EMBEDDED, pytest.param(PRODUCTION, marks=pytest.mark.postgresql)])
def service_set(request: pytest.FixtureRequest) -> str:
    """Which of the two sets this run of the test uses."""
    value: str = request.param
    return value


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The session's PostgreSQL, with a migrated template database in it."""
    server = PostgresServer()
    try:
        server.start()
        upgrade(server.create(_TEMPLATE))
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def embedded_queue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedQueue]:
    """The session's Valkey on a Unix socket, as the embedded set runs it."""
    with EmbeddedQueue(tmp_path_factory.mktemp("queue") / "valkey") as queue:
        yield queue


@pytest.fixture(scope="session")
def tcp_queue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TcpQueueServer]:
    """The session's Valkey by URL."""
    server = TcpQueueServer(tmp_path_factory.mktemp("tcp-queue"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def hierarchy(tmp_path_factory: pytest.TempPathFactory) -> Hierarchy:
    """The authorities of plateforme TEST, with their ceremony's files; not to be changed."""
    return make_hierarchy(tmp_path_factory.mktemp("hierarchy-test"), "TEST")


@pytest.fixture(scope="session")
def production_hierarchy(tmp_path_factory: pytest.TempPathFactory) -> Hierarchy:
    """The authorities of plateforme PRODUCTION; not to be changed."""
    return make_hierarchy(tmp_path_factory.mktemp("hierarchy-production"), "PRODUCTION")


@pytest.fixture
def empty_database_url(service_set: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without any table."""
    if service_set == EMBEDDED:
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = f"empty_{next(_numbers)}"
    yield server.create(name)
    server.drop(name)


@pytest.fixture(scope="session")
def reused_sqlite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReusedDatabase]:
    """The session's SQLite file."""
    reused = ReusedSqlite(tmp_path_factory.mktemp("database"), sqlite_template)
    yield reused
    reused.database.dispose()


@pytest.fixture(scope="session")
def reused_postgres(postgres_server: PostgresServer) -> Iterator[ReusedDatabase]:
    """The session's database on PostgreSQL."""
    reused = ReusedPostgres(postgres_server, _TEMPLATE)
    yield reused
    reused.database.dispose()


@pytest.fixture
def reused_database(service_set: str, request: pytest.FixtureRequest) -> ReusedDatabase:
    """The database of this set, migrated and without rows."""
    reused: ReusedDatabase = request.getfixturevalue("reused_sqlite" if service_set == EMBEDDED else "reused_postgres")
    reused.renew()
    return reused


@pytest.fixture
def database_url(reused_database: ReusedDatabase) -> str:
    """The URL of a migrated database without rows, which this test has for itself."""
    return reused_database.url


@pytest.fixture
def database(reused_database: ReusedDatabase) -> Iterator[Database]:
    """That database, open."""
    yield reused_database.database
    reused_database.database.dispose()


@pytest.fixture
def queue_url(service_set: str, request: pytest.FixtureRequest) -> str:
    """The URL of an empty queue; the session's server of this set, emptied."""
    server: EmbeddedQueue | TcpQueueServer
    server = request.getfixturevalue("embedded_queue" if service_set == EMBEDDED else "tcp_queue")
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
    return server.url


@pytest.fixture
def settings_values(
    service_set: str, database_url: str, queue_url: str, request: pytest.FixtureRequest, tmp_path: Path
) -> dict[str, Any]:
    """The content of a settings file for this test's database and queue; change it, then build ``Settings``."""
    values: dict[str, Any] = {"data_dir": str(tmp_path), "database_url": database_url, "queue_url": queue_url}
    if service_set == PRODUCTION:
        server: TcpQueueServer = request.getfixturevalue("tcp_queue")
        secret = tmp_path / "queue.secret"
        secret.touch(mode=0o600)
        secret.write_text(server.password)
        values |= {"queue_url": server.address, "queue_password_file": str(secret)}
    return values


@pytest.fixture
def settings(settings_values: dict[str, Any], tmp_path: Path) -> Settings:
    """Settings on this test's database and queue, everything else default, below ``tmp_path``."""
    return Settings.from_mapping(settings_values, base=tmp_path)
