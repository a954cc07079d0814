"""On PostgreSQL, the wait for lines of the history that are being written: for an account that may not change any.

To lock a table against writers takes a right to change it. The function does nothing but wait and look, with the rights
of the owner of the tables.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    op.execute(
        "CREATE FUNCTION historique_settled() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN "
        "LOCK TABLE historique IN SHARE MODE; RETURN (SELECT coalesce(max(id), 0) FROM historique); END $$"
    )
    # Nothing that a caller could put in the way of the names in it.
    here = connection.scalar(text("SELECT quote_ident(current_schema())"))
    op.execute(f"ALTER FUNCTION historique_settled() SET search_path = {here}, pg_temp")
    op.execute("REVOKE EXECUTE ON FUNCTION historique_settled() FROM PUBLIC")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION historique_settled()")
