"""Revocations are demandes of their own, with a numero, a history and lots.

Their lines stand in the same history, whose numero is then one of either table: it refers to none any more.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_PENDING = sa.text("etat = 'VALIDEE'")
_REFERS = "fk_historique__id_demande"
_ACTS = ("UPDATE", "DELETE")


def upgrade() -> None:
    op.add_column("lot", sa.Column("nature", sa.String(16), nullable=False, server_default=sa.text("'CERTIFICATS'")))
    _table()
    for name, columns in (
        ("id_certificat", ["id_certificat"]),
        ("id_demande", ["id_demande"]),
        ("id_acteur", ["id_acteur"]),
        ("cree_le", ["cree_le"]),
    ):
        op.create_index(f"ix_demande_revocation__{name}", "demande_revocation", columns)
    op.create_index(
        "uq_demande_revocation__en_attente",
        "demande_revocation",
        ["id_certificat"],
        unique=True,
        sqlite_where=_PENDING,
        postgresql_where=_PENDING,
    )
    op.create_index(
        "ix_demande_revocation__due",
        "demande_revocation",
        ["effet_le"],
        sqlite_where=_PENDING,
        postgresql_where=_PENDING,
    )
    with _history() as batch:
        batch.drop_constraint(op.f(_REFERS), type_="foreignkey")
    _refuse_changes()


def _table() -> None:
    op.create_table(
        "demande_revocation",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("plateforme", sa.String(16), nullable=False),
        sa.Column("canal", sa.String(8), nullable=False),
        sa.Column("id_lot", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("reference", sa.String(64), nullable=True),
        sa.Column("etat", sa.String(16), nullable=False),
        sa.Column("resultat", sa.String(16), nullable=False),
        sa.Column("id_acteur", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id_administrateur", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("role", sa.String(24), nullable=True),
        sa.Column("id_demande", sa.BigInteger(), nullable=True),
        sa.Column("id_certificat", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("motif", sa.String(16), nullable=True),
        sa.Column("autre_motif", sa.String(255), nullable=True),
        sa.Column("effet_le", _MOMENT, nullable=True),
        sa.Column("differee", sa.Boolean(), nullable=False),
        sa.Column("email", sa.String(254), nullable=True),
        sa.Column("remplacee_par", sa.BigInteger(), nullable=True),
        sa.Column("code_erreur", sa.String(16), nullable=True),
        sa.Column("champ_erreur", sa.String(32), nullable=True),
        sa.Column("texte_erreur", sa.Text(), nullable=True),
        sa.Column("cree_le", _MOMENT, nullable=False),
        sa.Column("modifie_le", _MOMENT, nullable=False),
        *(
            sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_demande_revocation__{column}"))
            for column, target in (
                ("id_lot", "lot.id"),
                ("id_acteur", "acteur.id"),
                ("id_administrateur", "acteur.id"),
                ("id_demande", "demande.id"),
                ("id_certificat", "certificat.id"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_demande_revocation")),
        sa.UniqueConstraint("id_lot", "position", name=op.f("uq_demande_revocation__id_lot_position")),
    )


def downgrade() -> None:
    connection = op.get_bind()
    known = (
        "SELECT (SELECT count(*) FROM demande_revocation) + (SELECT count(*) FROM lot WHERE nature <> 'CERTIFICATS')"
    )
    if connection.scalar(sa.text(known)):
        raise RuntimeError("des demandes de révocation existent : la version d'avant ne saurait les lire")
    with _history() as batch:
        batch.create_foreign_key(op.f(_REFERS), "demande", ["id_demande"], ["id"])
    _refuse_changes()
    op.drop_table("demande_revocation")
    op.drop_column("lot", "nature")


def _history() -> AbstractContextManager[Any]:
    """SQLite writes the table anew: with its numbers, which are never used again, and without its triggers."""
    if op.get_bind().dialect.name == "sqlite":
        for act in _ACTS:
            op.execute(f"DROP TRIGGER historique_no_{act.lower()}")
    return op.batch_alter_table("historique", table_kwargs={"sqlite_autoincrement": True})


def _refuse_changes() -> None:
    """As 0001 did when this was written."""
    if op.get_bind().dialect.name == "sqlite":
        for act in _ACTS:
            op.execute(
                f"CREATE TRIGGER historique_no_{act.lower()} BEFORE {act} ON historique "
                "BEGIN SELECT RAISE(ABORT, 'historique is append-only'); END"
            )
