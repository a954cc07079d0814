"""The CRL of an offline root is kept as well: clients of an authority that it has revoked must be told apart."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("crl", sa.Column("apportee", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    # A version that does not know the mark would want to sign for these roots.
    op.execute("DELETE FROM crl WHERE apportee")
    with op.batch_alter_table("crl") as crl:
        crl.drop_column("apportee")
