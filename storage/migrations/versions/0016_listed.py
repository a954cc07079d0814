"""What the last full list says of each certificate, so that the next one is made of it and of what has changed.

Nothing is known of the lists of before: the first one behind this is made of every row, and no other before it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import storage.types

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_MOMENTS = ("sorties_le", "refaite_le", "ecart_le")


def upgrade() -> None:
    op.add_column("certificat", sa.Column("raison_listee", sa.String(32), nullable=True))
    to_list = sa.text(
        "coalesce(raison_listee, '') <> CASE WHEN revoque_le IS NOT NULL THEN coalesce(raison_crl, 'unspecified') END"
    )
    op.create_index(
        "ix_certificat__a_lister",
        "certificat",
        ["autorite", "not_after"],
        sqlite_where=to_list,
        postgresql_where=to_list,
    )
    revoked = sa.text("revoque_le IS NOT NULL")
    op.create_index(
        "ix_certificat__listes",
        "certificat",
        ["autorite", "not_after", "revoque_le"],
        sqlite_where=revoked,
        postgresql_where=revoked,
    )
    endless = sa.text("revoque_le IS NOT NULL AND emis_le IS NULL")
    op.create_index(
        "ix_certificat__sans_fin",
        "certificat",
        ["autorite", "not_after"],
        sqlite_where=endless,
        postgresql_where=endless,
    )
    op.add_column("crl", sa.Column("socle", sa.LargeBinary(32), nullable=True))
    op.add_column("crl", sa.Column("entrees", sa.Integer(), nullable=True))
    for name in _MOMENTS:
        op.add_column("crl", sa.Column(name, storage.types.UtcDateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("crl") as crl:
        for name in ("socle", "entrees", *_MOMENTS):
            crl.drop_column(name)
    op.drop_index("ix_certificat__sans_fin", table_name="certificat")
    op.drop_index("ix_certificat__listes", table_name="certificat")
    op.drop_index("ix_certificat__a_lister", table_name="certificat")
    with op.batch_alter_table("certificat") as certificat:
        certificat.drop_column("raison_listee")
