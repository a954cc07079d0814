"""What tells a restored database from the one that worked last: numbers with a ceiling, and the stop."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import storage.types

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "arret",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("constate_le", storage.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("raison", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arret")),
    )
    op.add_column("compteur", sa.Column("plafond", sa.BigInteger(), nullable=True))
    # The index of a lot was a sequence of the database, which nothing outside of it could move.
    op.execute("INSERT INTO compteur (nom, prochain) SELECT 'lot', coalesce(max(id), 0) + 1 FROM lot")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "SELECT setval(pg_get_serial_sequence('lot', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM lot), false)"
        )
    op.execute("DELETE FROM compteur WHERE nom = 'lot'")
    with op.batch_alter_table("compteur") as compteur:
        compteur.drop_column("plafond")
    op.drop_table("arret")
