"""A demande may renew the certificate of another one, one at a time; what is to renew is found by the end of validity.

Nothing that is there renews anything: the column is empty.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_STILL = sa.text(
    "renouvelle IS NOT NULL AND (etat IN ('ENREGISTREE', 'VALIDEE', 'TRANSMISE')"
    " OR (etat = 'CLOSE' AND etat_produit = 'ACTIF'))"
)
_TO_RENEW = sa.text("retire_le IS NOT NULL AND revoque_le IS NULL")


def upgrade() -> None:
    # One statement and no copy of the table: SQLite would leave its history without the rows that it refers to.
    op.execute(
        "ALTER TABLE demande ADD COLUMN renouvelle BIGINT CONSTRAINT fk_demande__renouvelle REFERENCES demande (id)"
    )
    op.create_index(
        "ix_demande__renouvelle",
        "demande",
        ["renouvelle"],
        unique=True,
        sqlite_where=_STILL,
        postgresql_where=_STILL,
    )
    op.create_index(
        "ix_certificat__a_renouveler",
        "certificat",
        ["not_after", "id_demande"],
        sqlite_where=_TO_RENEW,
        postgresql_where=_TO_RENEW,
    )


def downgrade() -> None:
    op.drop_index("ix_certificat__a_renouveler", table_name="certificat")
    op.drop_index("ix_demande__renouvelle", table_name="demande")
    op.execute("ALTER TABLE demande DROP COLUMN renouvelle")
