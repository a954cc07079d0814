"""Delta CRLs and OCSP responders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import storage.types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NEW_IN_CRL = ("dernier_numero", "publie_le", "delta", "delta_fin")


def upgrade() -> None:
    moment = storage.types.UtcDateTime(timezone=True)
    with op.batch_alter_table("crl") as crl:
        crl.add_column(sa.Column("dernier_numero", sa.BigInteger(), nullable=True))
        crl.add_column(sa.Column("publie_le", moment, nullable=True))
        crl.add_column(sa.Column("delta", sa.LargeBinary(), nullable=True))
        crl.add_column(sa.Column("delta_fin", moment, nullable=True))
    op.execute("UPDATE crl SET dernier_numero = numero, publie_le = this_update")
    with op.batch_alter_table("crl") as crl:
        crl.alter_column("dernier_numero", existing_type=sa.BigInteger(), nullable=False)
        crl.alter_column("publie_le", existing_type=moment, nullable=False)
    _index_revoked("autorite", "revoque_le")
    op.create_table(
        "repondeur_ocsp",
        sa.Column("autorite", sa.String(length=64), nullable=False),
        sa.Column("serial", sa.String(length=40), nullable=False),
        sa.Column("not_before", moment, nullable=False),
        sa.Column("not_after", moment, nullable=False),
        sa.PrimaryKeyConstraint("autorite", name=op.f("pk_repondeur_ocsp")),
    )


def _index_revoked(*columns: str) -> None:
    op.drop_index("ix_certificat__revoques", table_name="certificat")
    revoked = sa.text("revoque_le IS NOT NULL")
    op.create_index("ix_certificat__revoques", "certificat", columns, sqlite_where=revoked, postgresql_where=revoked)


def downgrade() -> None:
    _index_revoked("autorite")
    op.drop_table("repondeur_ocsp")
    with op.batch_alter_table("crl") as crl:
        for name in _NEW_IN_CRL:
            crl.drop_column(name)
