"""The services of the production set: a PostgreSQL that waits for its disk, and a Valkey by address and password.

The same wheels as in the tests, so that a machine without packages of the system can measure both sets.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from tests.support.postgres import PostgresServer
from tests.support.queue_server import TcpQueueServer


@dataclass(frozen=True, slots=True)
class Services:
    """What stands behind one plateforme of the production set."""

    database: PostgresServer
    queue: TcpQueueServer
    queue_password_file: Path

    def wipe_queue(self) -> None:
        """Nothing is left of a former plateforme."""
        with redis.Redis.from_url(self.queue.url) as client:
            client.flushall()


@contextmanager
def services(folder: Path) -> Iterator[Services]:
    """Both servers for the time of a ``with`` block; what they need is kept in ``folder``."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    database, queue = PostgresServer(durable=True), TcpQueueServer(folder)
    password_file = folder / "queue.secret"
    password_file.touch(mode=0o600)
    password_file.write_text(queue.password)
    try:
        database.start()
        queue.start()
        yield Services(database, queue, password_file)
    finally:
        queue.stop()
        database.stop()
