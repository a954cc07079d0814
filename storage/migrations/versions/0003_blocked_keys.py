"""Keys that nobody may present any more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import storage.types

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cle_interdite",
        sa.Column("spki_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("id_certificat", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("cree_le", storage.types.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["id_certificat"], ["certificat.id"], name=op.f("fk_cle_interdite__id_certificat")),
        sa.PrimaryKeyConstraint("spki_sha256", name=op.f("pk_cle_interdite")),
    )
    op.create_index(op.f("ix_cle_interdite__id_certificat"), "cle_interdite", ["id_certificat"])
    op.create_index(
        "ix_certificat__compromis",
        "certificat",
        ["id"],
        sqlite_where=sa.text("raison_crl = 'keyCompromise'"),
        postgresql_where=sa.text("raison_crl = 'keyCompromise'"),
    )


def downgrade() -> None:
    op.drop_index("ix_certificat__compromis", "certificat")
    op.drop_table("cle_interdite")
