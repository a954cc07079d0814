"""How many octets each table takes, with its indexes: of SQLite its pages, of PostgreSQL its relations."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import create_engine, text

from runtime.settings.model import Settings

_SQLITE = text(
    "SELECT coalesce(master.tbl_name, stat.name), sum(stat.pgsize) FROM dbstat AS stat "
    "LEFT JOIN sqlite_master AS master ON master.name = stat.name GROUP BY 1"
)
_POSTGRESQL = text(
    "SELECT relname, pg_total_relation_size(oid) FROM pg_class "
    "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
)


def table_sizes(settings: Settings) -> Mapping[str, int]:
    """By table. What waits in the log of SQLite counts: it is read as every reader does."""
    engine = create_engine(settings.database_dsn())
    try:
        with engine.connect() as connection:
            query = _SQLITE if engine.dialect.name == "sqlite" else _POSTGRESQL
            return {str(name): int(size) for name, size in connection.execute(query)}
    finally:
        engine.dispose()
