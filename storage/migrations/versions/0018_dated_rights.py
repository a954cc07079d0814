"""Habilitations and client certificates are dated and kept: who gave them, from when until when, why they ended.

Products can be closed, likewise.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_UNIQUE = "uq_habilitation__id_acteur_offre_id_structure_domaine"
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("habilitation") as batch:
        # One that ended stays beside the one that is given again.
        batch.drop_constraint(op.f(_UNIQUE), type_="unique")
        batch.add_column(sa.Column("debut_le", _MOMENT, nullable=True))
        batch.add_column(sa.Column("fin_le", _MOMENT, nullable=True))
        batch.add_column(sa.Column("donnee_le", _MOMENT, nullable=True))
        batch.add_column(sa.Column("donnee_par", sa.String(64), nullable=True))
        batch.add_column(sa.Column("motif", sa.String(200), nullable=True))
        batch.add_column(sa.Column("motif_fin", sa.String(200), nullable=True))
    with op.batch_alter_table("identite") as batch:
        batch.add_column(sa.Column("inscrite_le", _MOMENT, nullable=True))
        batch.add_column(sa.Column("not_after", _MOMENT, nullable=True))
        batch.add_column(sa.Column("fin_le", _MOMENT, nullable=True))
        batch.add_column(sa.Column("motif_fin", sa.String(200), nullable=True))

    op.create_table(
        "fermeture",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("plateforme", sa.String(16), nullable=False),
        sa.Column("offre", sa.String(8), nullable=False),
        sa.Column("usage", sa.String(12), nullable=False),
        sa.Column("debut_le", _MOMENT, nullable=False),
        sa.Column("fin_le", _MOMENT, nullable=True),
        sa.Column("fermee_par", sa.String(64), nullable=True),
        sa.Column("motif", sa.String(200), nullable=False),
        sa.Column("motif_fin", sa.String(200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fermeture")),
    )
    op.create_index("ix_fermeture__produit", "fermeture", ["plateforme", "offre", "usage"])


def downgrade() -> None:
    op.drop_table("fermeture")
    op.execute("DELETE FROM habilitation WHERE fin_le IS NOT NULL OR debut_le IS NOT NULL")
    op.execute("DELETE FROM identite WHERE fin_le IS NOT NULL")
    with op.batch_alter_table("identite") as batch:
        for name in ("motif_fin", "fin_le", "not_after", "inscrite_le"):
            batch.drop_column(name)
    with op.batch_alter_table("habilitation") as batch:
        for name in ("motif_fin", "motif", "donnee_par", "donnee_le", "fin_le", "debut_le"):
            batch.drop_column(name)
        batch.create_unique_constraint(op.f(_UNIQUE), ["id_acteur", "offre", "id_structure", "domaine"])
