"""Certified keys are looked at together: products of moduli by blocks, and which block each certificate is in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bloc_cles",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("nombre", sa.Integer(), nullable=False),
        sa.Column("produit", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bloc_cles")),
    )
    op.add_column("certificat", sa.Column("id_bloc", sa.BigInteger(), nullable=True))
    unexamined = sa.text("emis_le IS NOT NULL AND id_bloc IS NULL")
    op.create_index(
        "ix_certificat__a_examiner", "certificat", ["id"], sqlite_where=unexamined, postgresql_where=unexamined
    )


def downgrade() -> None:
    op.drop_index("ix_certificat__a_examiner", table_name="certificat")
    with op.batch_alter_table("certificat") as certificat:
        certificat.drop_column("id_bloc")
    op.drop_table("bloc_cles")
