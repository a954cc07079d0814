"""Until when a certificate may be withdrawn, and what its withdrawal accepts.

Certificates that wait already get their date, and a grace, from the batch. Of what was withdrawn before, nobody kept
which texts were accepted.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_WAITING = sa.text("etat = 'TRANSMISE' AND etat_produit = 'A_RETIRER'")
_MOMENT = sa.DateTime(timezone=True)
_FOREIGN_KEY = "fk_certificat__id_acceptation"


def _big_id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("demande", sa.Column("limite_retrait", _MOMENT, nullable=True))
    op.create_index(
        "ix_demande__limite_retrait",
        "demande",
        ["limite_retrait"],
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    )
    op.create_table(
        "texte",
        sa.Column("plateforme", sa.String(16), nullable=False),
        sa.Column("nature", sa.String(8), nullable=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("empreinte", sa.String(64), nullable=False),
        sa.Column("type_media", sa.String(80), nullable=False),
        sa.Column("contenu", sa.LargeBinary(), nullable=False),
        sa.Column("paru_le", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("plateforme", "nature", "version", name=op.f("pk_texte")),
    )
    op.create_index(op.f("ix_texte__empreinte"), "texte", ["empreinte"])
    op.create_table(
        "acceptation",
        sa.Column("id", _big_id(), autoincrement=True, nullable=False),
        sa.Column("id_acteur", _big_id(), nullable=False),
        sa.Column("id_administrateur", _big_id(), nullable=True),
        sa.Column("canal", sa.String(8), nullable=False),
        sa.Column("acceptee_le", _MOMENT, nullable=False),
        sa.Column("cgu_version", sa.String(32), nullable=False),
        sa.Column("cgu_empreinte", sa.String(64), nullable=False),
        sa.Column("pc_version", sa.String(32), nullable=False),
        sa.Column("pc_empreinte", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["id_acteur"], ["acteur.id"], name=op.f("fk_acceptation__id_acteur")),
        sa.ForeignKeyConstraint(["id_administrateur"], ["acteur.id"], name=op.f("fk_acceptation__id_administrateur")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acceptation")),
    )
    with op.batch_alter_table("certificat") as batch:
        batch.add_column(sa.Column("id_acceptation", _big_id(), nullable=True))
        batch.create_foreign_key(op.f(_FOREIGN_KEY), "acceptation", ["id_acceptation"], ["id"])


def downgrade() -> None:
    if op.get_bind().scalar(sa.text("SELECT count(*) FROM acceptation")):
        raise RuntimeError("des textes ont été acceptés : la version d'avant n'en garderait pas la preuve")
    with op.batch_alter_table("certificat") as batch:
        batch.drop_constraint(op.f(_FOREIGN_KEY), type_="foreignkey")
        batch.drop_column("id_acceptation")
    op.drop_table("acceptation")
    op.drop_index(op.f("ix_texte__empreinte"), table_name="texte")
    op.drop_table("texte")
    op.drop_index("ix_demande__limite_retrait", table_name="demande")
    op.drop_column("demande", "limite_retrait")
