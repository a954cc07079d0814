"""Alembic's entry: one connection, one transaction, short lock waits on PostgreSQL."""

from __future__ import annotations

from alembic import context
from sqlalchemy import text

from storage.database import make_engine
from storage.tables import Base

engine = make_engine(context.config.get_main_option("sqlalchemy.url") or "")
try:
    with engine.connect() as connection:
        # Alembic takes SQLite for a database without transactional DDL, and would let a second process in between.
        context.configure(
            connection=connection, target_metadata=Base.metadata, compare_type=True, transactional_ddl=True
        )
        with context.begin_transaction():
            if connection.dialect.name == "postgresql":
                # Two processes that start together must not migrate together; the second waits as long as it takes.
                connection.execute(text("SELECT pg_advisory_xact_lock(7250211)"))
                connection.execute(text("SET LOCAL lock_timeout = '5s'"))
            context.run_migrations()
finally:
    engine.dispose()
