"""What a search compares stands in the demande and in one index: the dates of its certificate too.

The dates are copied from the certificates that are signed, some thousand demandes at a time, so that no statement of it
is long.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_VALIDATED, _REFUSED = sa.text("contenu IS NOT NULL"), sa.text("contenu IS NULL")
_ACTIVE = sa.text("etat_produit = 'ACTIF'")
_TO_RENEW = sa.text("retire_le IS NOT NULL AND revoque_le IS NULL")
_COMPARED = [
    "usage", "etat", "etat_produit", "cree_le", "produit_emis_le", "produit_fin_le", "id_acteur", "id_beneficiaire",
    "service_applicatif", "fqdns",
]  # fmt: skip
_WHOSE = ["id_structure", "offre", "usage", "id_beneficiaire"]
_AT_ONCE = 20_000


def upgrade() -> None:
    # Columns of which no index knows yet: rows are changed before the indexes are made, not after.
    for name in ("produit_emis_le", "produit_fin_le"):
        op.add_column("demande", sa.Column(name, _MOMENT, nullable=True))
    _copy_dates()
    op.drop_index("ix_demande__structure", table_name="demande")
    op.drop_index("ix_certificat__a_renouveler", table_name="certificat")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SET LOCAL statement_timeout = 0")  # an index of millions of rows takes its time
    _index("ix_demande__perimetre", ["plateforme", "id_structure", "offre", "id"], _VALIDATED, _COMPARED)
    _index("ix_demande__refus", ["id_acteur", "id"], _REFUSED)
    _index("ix_demande__fins", ["plateforme", "produit_fin_le", "id"], _ACTIVE, _WHOSE)


def downgrade() -> None:
    for name in ("perimetre", "refus", "fins"):
        op.drop_index(f"ix_demande__{name}", table_name="demande")
    op.create_index("ix_demande__structure", "demande", ["plateforme", "id_structure", "offre"])
    op.create_index(
        "ix_certificat__a_renouveler",
        "certificat",
        ["not_after", "id_demande"],
        sqlite_where=_TO_RENEW,
        postgresql_where=_TO_RENEW,
    )
    for name in ("produit_emis_le", "produit_fin_le"):
        op.execute(f"ALTER TABLE demande DROP COLUMN {name}")


def _copy_dates() -> None:
    connection = op.get_bind()
    last = connection.scalar(sa.text("SELECT max(id) FROM demande")) or 0
    following = connection.scalar(sa.text("SELECT min(id) FROM demande"))
    while following is not None:
        connection.execute(
            sa.text(
                "UPDATE demande SET (produit_emis_le, produit_fin_le) = (SELECT emis_le, not_after FROM certificat "
                "WHERE certificat.id_demande = demande.id AND certificat.emis_le IS NOT NULL) "
                "WHERE id >= :first AND id < :after AND EXISTS (SELECT 1 FROM certificat "
                "WHERE certificat.id_demande = demande.id AND certificat.emis_le IS NOT NULL)"
            ),
            {"first": following, "after": following + _AT_ONCE},
        )
        # Numbers may have gaps of any length: the next one that there is.
        following = connection.scalar(
            sa.text("SELECT min(id) FROM demande WHERE id >= :after AND id <= :last"),
            {"after": following + _AT_ONCE, "last": last},
        )


def _index(name: str, columns: list[str], where: sa.TextClause, kept: Sequence[str] = ()) -> None:
    """``kept`` beside the columns, where the database can."""
    op.create_index(name, "demande", columns, sqlite_where=where, postgresql_where=where, postgresql_include=list(kept))
