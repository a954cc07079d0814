"""What the home and the room for lots look for: lots by structure, ends and limits by perimeter, lots not sent yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_PERIMETER = ["plateforme", "id_structure", "offre"]
_ACTIVE = sa.text("etat_produit = 'ACTIF'")
_WAITING = sa.text("etat = 'TRANSMISE' AND etat_produit = 'A_RETIRER'")
_UNPROCESSED = sa.text("etat = 'NON_TRAITEE'")
_INDEXES = (
    ("ix_demande__echeances", [*_PERIMETER, "produit_fin_le"], _ACTIVE),
    ("ix_demande__a_retirer", [*_PERIMETER, "limite_retrait"], _WAITING),
    ("ix_demande__non_traitees", ["plateforme", "id"], _UNPROCESSED),
)
_OF_DEMANDES = """
INSERT INTO lot_structure (plateforme, id_structure, offre, id_lot)
SELECT DISTINCT plateforme, id_structure, offre, id_lot FROM demande
WHERE id_lot IS NOT NULL AND contenu IS NOT NULL AND id_structure IS NOT NULL
"""
_OF_REVOCATIONS = """
INSERT INTO lot_structure (plateforme, id_structure, offre, id_lot)
SELECT DISTINCT demande.plateforme, demande.id_structure, demande.offre, demande_revocation.id_lot
FROM demande_revocation JOIN demande ON demande.id = demande_revocation.id_demande
WHERE demande_revocation.id_lot IS NOT NULL AND demande.contenu IS NOT NULL AND demande.id_structure IS NOT NULL
"""


def upgrade() -> None:
    op.create_table(
        "lot_structure",
        sa.Column("plateforme", sa.String(16), nullable=False),
        sa.Column("id_structure", sa.String(20), nullable=False),
        sa.Column("offre", sa.String(8), nullable=False),
        sa.Column("id_lot", _ID, nullable=False),
        sa.PrimaryKeyConstraint(*_PERIMETER, "id_lot", name=op.f("pk_lot_structure")),
        sa.ForeignKeyConstraint(["id_lot"], ["lot.id"], name=op.f("fk_lot_structure__id_lot")),
    )
    op.create_table(
        "brouillon_page",
        sa.Column("id_brouillon", sa.String(32), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("contenu", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id_brouillon", "page", name=op.f("pk_brouillon_page")),
        sa.ForeignKeyConstraint(
            ["id_brouillon"],
            ["brouillon.id"],
            name=op.f("fk_brouillon_page__id_brouillon"),
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_lot__id_acteur", "lot", ["id_acteur", "id"])
    for name, columns, where in _INDEXES:
        op.create_index(name, "demande", columns, sqlite_where=where, postgresql_where=where)
    op.execute(_OF_DEMANDES)
    op.execute(_OF_REVOCATIONS)


def downgrade() -> None:
    for name, _, _ in reversed(_INDEXES):
        op.drop_index(name, table_name="demande")
    op.drop_index("ix_lot__id_acteur", table_name="lot")
    op.drop_table("brouillon_page")
    op.drop_table("lot_structure")
