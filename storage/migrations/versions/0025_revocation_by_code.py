"""Revocation by code, without login: a demande de révocation of nobody, counts of tries, tokens that have served."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("demande_revocation") as batch:
        batch.alter_column("id_acteur", existing_type=_ID, nullable=True)
    op.create_table(
        "essai_code",
        sa.Column("cle", sa.String(64), nullable=False),
        sa.Column("nature", sa.String(12), nullable=False),
        sa.Column("nombre", sa.Integer(), nullable=False),
        sa.Column("debut_le", _MOMENT, nullable=False),
        sa.Column("fin_le", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("cle", name=op.f("pk_essai_code")),
    )
    op.create_index(op.f("ix_essai_code__fin_le"), "essai_code", ["fin_le"])
    op.create_index("ix_essai_code__nature_fin_le", "essai_code", ["nature", "fin_le"])
    op.create_table(
        "jeton_servi",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("fin_le", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jeton_servi")),
    )
    op.create_index(op.f("ix_jeton_servi__fin_le"), "jeton_servi", ["fin_le"])


def downgrade() -> None:
    nobody = "SELECT count(*) FROM demande_revocation WHERE id_acteur IS NULL"
    if op.get_bind().scalar(sa.text(nobody)):
        raise RuntimeError("des révocations par code existent : la version d'avant ne saurait les lire")
    op.drop_table("jeton_servi")
    op.drop_table("essai_code")
    with op.batch_alter_table("demande_revocation") as batch:
        batch.alter_column("id_acteur", existing_type=_ID, nullable=False)
