"""Who acted for a third party when a lot was deposited or cancelled: the batch names both in the lines that it writes.

Of the lots that are there nobody acted for anybody: the columns are empty. Who cancelled one with items still to come
is then taken to be who deposited it, as before.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_ADMINISTRATEURS = ("id_administrateur", "annule_administrateur")
_PRESENTED = (("annule_emetteur", 64), ("annule_serie", 40))


def upgrade() -> None:
    kind = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    for column in _ADMINISTRATEURS:
        # One statement and no copy of the table: SQLite would leave the demandes without the rows that they refer to.
        op.execute(f"ALTER TABLE lot ADD COLUMN {column} {kind} CONSTRAINT fk_lot__{column} REFERENCES acteur (id)")
    for column, length in _PRESENTED:
        op.add_column("lot", sa.Column(column, sa.String(length), nullable=True))


def downgrade() -> None:
    known = "SELECT count(*) FROM lot WHERE id_administrateur IS NOT NULL OR annule_administrateur IS NOT NULL"
    if op.get_bind().scalar(sa.text(known)):
        raise RuntimeError("des lots ont été déposés pour des tiers : la version d'avant ne saurait pas par qui")
    for column, _ in reversed(_PRESENTED):
        op.drop_column("lot", column)
    for column in reversed(_ADMINISTRATEURS):
        op.execute(f"ALTER TABLE lot DROP COLUMN {column}")
