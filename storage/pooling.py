"""Whether a pooler stands before PostgreSQL."""

from __future__ import annotations

from typing import Any


def is_pooled(connection: Any) -> bool:  # noqa: ANN401 -- the driver's connection
    """Whether a pooler such as PgBouncer stands between: it names itself where the server would name its process.

    By transaction it gives each one to another session of the server: prepared statements are not there, and what is
    set stays behind for somebody else.
    """
    (backend,) = connection.execute("SELECT pg_backend_pid()").fetchone()
    return bool(backend != connection.info.backend_pid)
