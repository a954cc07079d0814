"""Who may enter the operators' room of the portal, and what the relay last saw of queue and workers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "operateur",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("id_acteur", _ID, nullable=False),
        sa.Column("debut_le", _MOMENT, nullable=False),
        sa.Column("fin_le", _MOMENT, nullable=True),
        sa.Column("nomme_par", sa.String(64), nullable=True),
        sa.Column("motif", sa.String(200), nullable=False),
        sa.Column("motif_fin", sa.String(200), nullable=True),
        sa.ForeignKeyConstraint(["id_acteur"], ["acteur.id"], name=op.f("fk_operateur__id_acteur_acteur")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operateur")),
    )
    op.create_index(op.f("ix_operateur__id_acteur"), "operateur", ["id_acteur"])
    op.create_table(
        "signe_de_vie",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("vu_le", _MOMENT, nullable=False),
        sa.Column("en_attente", sa.Integer(), nullable=False),
        sa.Column("workers", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signe_de_vie")),
    )


def downgrade() -> None:
    op.drop_table("signe_de_vie")
    op.drop_table("operateur")
