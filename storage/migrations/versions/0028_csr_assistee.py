"""Whether the key of a demande was made in the browser of who asked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A constant default: neither database writes its rows again.
    op.add_column("demande", sa.Column("csr_assistee", sa.Boolean(), server_default=sa.false(), nullable=False))
    where = sa.text("csr_assistee")
    op.create_index(
        "ix_demande__csr_assistee", "demande", ["id_acteur", "id"], sqlite_where=where, postgresql_where=where
    )


def downgrade() -> None:
    op.drop_index("ix_demande__csr_assistee", "demande")
    op.drop_column("demande", "csr_assistee")
