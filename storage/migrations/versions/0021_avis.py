"""Notices by mail have a table, and what ends soon an index. Of a lot under way what can be withdrawn is told; nothing is told of what is over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_BY_LOT = sa.text("etat = 'A_REUNIR' AND id_lot IS NOT NULL")
_BY_DAY = sa.text("etat = 'A_REUNIR' AND id_lot IS NULL")
_IN_USE = sa.text("retire_le IS NOT NULL AND revoque_le IS NULL")
_WAITING = sa.text("etat = 'A_REUNIR' OR etat = 'A_ENVOYER'")


def upgrade() -> None:
    op.create_table(
        "avis",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("plateforme", sa.String(16), nullable=False),
        sa.Column("nature", sa.String(24), nullable=False),
        sa.Column("id_demande", sa.BigInteger(), nullable=True),
        sa.Column("id_lot", sa.BigInteger(), nullable=True),
        sa.Column("id_structure", sa.String(20), nullable=True),
        sa.Column("destinataire", sa.String(254), nullable=True),
        sa.Column("role", sa.String(16), nullable=True),
        sa.Column("depuis", _MOMENT, nullable=True),
        sa.Column("jusqu_a", _MOMENT, nullable=True),
        sa.Column("etat", sa.String(16), nullable=False),
        sa.Column("cree_le", _MOMENT, nullable=False),
        sa.Column("du_le", _MOMENT, nullable=False),
        sa.Column("essais", sa.Integer(), nullable=False),
        sa.Column("reponse", sa.String(255), nullable=True),
        sa.Column("regle_le", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_avis")),
    )
    op.create_index("ux_avis__destinataire", "avis", ["nature", "id_demande", "destinataire"], unique=True)
    for name, columns, where in (
        ("ux_avis__lot", ["nature", "id_lot"], _BY_LOT),
        ("ux_avis__jour", ["plateforme", "nature"], _BY_DAY),
    ):
        op.create_index(name, "avis", columns, unique=True, sqlite_where=where, postgresql_where=where)
    op.create_index("ix_avis__du_le", "avis", ["plateforme", "du_le"], sqlite_where=_WAITING, postgresql_where=_WAITING)
    op.create_index("ix_avis__regle_le", "avis", ["regle_le"])
    # What ends is looked for by its end, among all that was ever issued.
    op.create_index("ix_certificat__fins", "certificat", ["not_after"], sqlite_where=_IN_USE, postgresql_where=_IN_USE)
    op.execute(
        "INSERT INTO avis (plateforme, nature, id_lot, etat, cree_le, du_le, essais) "
        "SELECT plateforme, 'MISE_A_DISPOSITION', id, 'A_REUNIR', depose_le, depose_le, 0 FROM lot "
        "WHERE id IN (SELECT id_lot FROM outbox)"
    )


def downgrade() -> None:
    op.drop_index("ix_certificat__fins", "certificat")
    op.drop_table("avis")
