"""Forms of the portal that are under way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "brouillon",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("plateforme", sa.String(16), nullable=False),
        sa.Column("proprietaire", sa.String(200), nullable=False),
        sa.Column("genre", sa.String(16), nullable=False),
        sa.Column("donnees", sa.LargeBinary(), nullable=False),
        sa.Column("modifie_le", _MOMENT, nullable=False),
        sa.Column("fin_le", _MOMENT, nullable=False),
        sa.Column("numero", _ID, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_brouillon")),
    )
    op.create_index(op.f("ix_brouillon__fin_le"), "brouillon", ["fin_le"])
    op.create_index("ix_brouillon__proprietaire", "brouillon", ["plateforme", "proprietaire", "genre", "modifie_le"])


def downgrade() -> None:
    op.drop_table("brouillon")
