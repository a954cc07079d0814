"""Which moment a full CRL describes, beside the one that it says, which may be earlier."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import storage.types

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = storage.types.UtcDateTime(timezone=True)
    op.add_column("crl", sa.Column("complete_le", moment, nullable=True))
    op.execute("UPDATE crl SET complete_le = this_update")
    with op.batch_alter_table("crl") as crl:
        crl.alter_column("complete_le", existing_type=moment, nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("crl") as crl:
        crl.drop_column("complete_le")
