"""Sessions of the portal, kept on the server."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "session_portail",
        sa.Column("cle", sa.String(64), nullable=False),
        sa.Column("plateforme", sa.String(16), nullable=False),
        sa.Column("porte", sa.String(16), nullable=False),
        sa.Column("acteur", sa.String(200), nullable=False),
        sa.Column("certificat", sa.String(64), nullable=True),
        sa.Column("sujet", sa.LargeBinary(), nullable=True),
        sa.Column("jeton", sa.LargeBinary(), nullable=True),
        sa.Column("sid", sa.String(64), nullable=True),
        sa.Column("compte", sa.String(64), nullable=True),
        sa.Column("donnees", sa.LargeBinary(), nullable=False),
        sa.Column("ouverte_le", _MOMENT, nullable=False),
        sa.Column("vue_le", _MOMENT, nullable=False),
        sa.Column("expire_le", _MOMENT, nullable=False),
        sa.Column("fin_le", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("cle", name=op.f("pk_session_portail")),
    )
    op.create_index(op.f("ix_session_portail__expire_le"), "session_portail", ["expire_le"])
    op.create_index("ix_session_portail__acteur", "session_portail", ["plateforme", "acteur", "vue_le"])
    op.create_index("ix_session_portail__sid", "session_portail", ["sid"])
    op.create_index("ix_session_portail__compte", "session_portail", ["compte"])


def downgrade() -> None:
    op.drop_table("session_portail")
