"""The fixtures of ``conftest`` themselves: both sets are really there, and every test gets its own rows."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import redis
from sqlalchemy import select

from runtime.settings.model import Settings
from storage.database import Database
from storage.tables import Structure
from tests.support.processes import is_running, wait_until

_SESSION = """
import signal, sys
from pathlib import Path
from runtime.processes.embedded_queue import EmbeddedQueue
from tests.support.postgres import PostgresServer
from tests.support.queue_server import TcpQueueServer
servers = [PostgresServer(), TcpQueueServer(Path(sys.argv[1])), EmbeddedQueue(Path(sys.argv[1]) / "queue")]
for server in servers:
    server.start()
print(servers[0].folder, *(server._process.pid for server in servers), flush=True)
signal.pause()
"""


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


def test_no_server_outlives_a_killed_session(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _SESSION, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as session:
        assert session.stdout is not None
        folder, *pids = session.stdout.readline().split()
        try:
            assert len(pids) == 3
            assert all(is_running(int(pid)) for pid in pids)
        finally:
            session.kill()
        wait_until(lambda: not any(is_running(int(pid)) for pid in pids), what="the end of the servers")
    shutil.rmtree(folder)
