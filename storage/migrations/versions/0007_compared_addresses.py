"""Protected addresses are compared without case, and kept as they were typed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("demande", sa.Column("adresse_cle", sa.String(length=254), nullable=True))
    op.execute("UPDATE demande SET adresse_cle = lower(adresse_email) WHERE adresse_email IS NOT NULL")
    op.drop_index("ix_demande__adresse", table_name="demande")
    op.create_index("ix_demande__adresse", "demande", ["plateforme", "adresse_cle"])


def downgrade() -> None:
    op.drop_index("ix_demande__adresse", table_name="demande")
    op.create_index("ix_demande__adresse", "demande", ["plateforme", "adresse_email"])
    with op.batch_alter_table("demande") as demande:
        demande.drop_column("adresse_cle")
