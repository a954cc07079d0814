"""Until when a certificate may be withdrawn. Those that wait already get their date, and a grace, from the batch."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_WAITING = sa.text("etat = 'TRANSMISE' AND etat_produit = 'A_RETIRER'")


def upgrade() -> None:
    op.add_column("demande", sa.Column("limite_retrait", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_demande__limite_retrait",
        "demande",
        ["limite_retrait"],
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    )


def downgrade() -> None:
    op.drop_index("ix_demande__limite_retrait", table_name="demande")
    op.drop_column("demande", "limite_retrait")
