"""By which client certificate somebody acted, in the history and in the lots."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TABLES = ("historique", "lot")


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(table, sa.Column("emetteur", sa.String(length=64), nullable=True))
        op.add_column(table, sa.Column("serie", sa.String(length=40), nullable=True))


def downgrade() -> None:
    # Not by a copy of the table on SQLite: the triggers that protect the history would stay behind.
    for table in _TABLES:
        op.drop_column(table, "serie")
        op.drop_column(table, "emetteur")
