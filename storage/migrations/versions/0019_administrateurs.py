"""Who may act for others: named and ended by operators, dated and kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "administrateur",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id_acteur", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("debut_le", _MOMENT, nullable=False),
        sa.Column("fin_le", _MOMENT, nullable=True),
        sa.Column("nomme_par", sa.String(64), nullable=True),
        sa.Column("motif", sa.String(200), nullable=False),
        sa.Column("motif_fin", sa.String(200), nullable=True),
        sa.ForeignKeyConstraint(["id_acteur"], ["acteur.id"], name=op.f("fk_administrateur__id_acteur_acteur")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_administrateur")),
    )
    op.create_index(op.f("ix_administrateur__id_acteur"), "administrateur", ["id_acteur"])


def downgrade() -> None:
    op.drop_table("administrateur")
