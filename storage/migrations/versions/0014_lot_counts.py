"""How many demandes of each lot are in which state is kept, counted once here from the rows that there are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lot_compte",
        sa.Column("id_lot", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("etat", sa.String(16), nullable=False),
        sa.Column("etat_produit", sa.String(16), nullable=False),
        sa.Column("nombre", sa.Integer(), nullable=False),
        sa.Column("modifie_le", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["id_lot"], ["lot.id"], name=op.f("fk_lot_compte__id_lot__lot")),
        sa.PrimaryKeyConstraint("id_lot", "etat", "etat_produit", name=op.f("pk_lot_compte")),
    )
    op.execute(
        "INSERT INTO lot_compte (id_lot, etat, etat_produit, nombre, modifie_le) "
        "SELECT id_lot, etat, coalesce(etat_produit, ''), count(*), max(modifie_le) FROM demande "
        "WHERE id_lot IS NOT NULL GROUP BY id_lot, etat, etat_produit"
    )


def downgrade() -> None:
    op.drop_table("lot_compte")
