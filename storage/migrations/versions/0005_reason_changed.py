"""When a revoked certificate got another reason: the lists must say it again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import storage.types

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "certificat", sa.Column("raison_modifiee_le", storage.types.UtcDateTime(timezone=True), nullable=True)
    )
    changed = sa.text("raison_modifiee_le IS NOT NULL")
    op.create_index(
        "ix_certificat__raisons",
        "certificat",
        ["autorite", "raison_modifiee_le"],
        sqlite_where=changed,
        postgresql_where=changed,
    )


def downgrade() -> None:
    op.drop_index("ix_certificat__raisons", table_name="certificat")
    with op.batch_alter_table("certificat") as certificat:
        certificat.drop_column("raison_modifiee_le")
