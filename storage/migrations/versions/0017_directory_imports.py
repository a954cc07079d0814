"""The directory is imported: who said an entry, since when it is gone, names as they are looked for, and the imports."""

from __future__ import annotations

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_PAGE = 5_000
_FOLDED = {
    "structure": (("raison_sociale", "raison_pliee", 256),),
    "personne": (("nom", "nom_plie", 80), ("prenom", "prenom_plie", 80)),
}
_LETTERS = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "đ": "d", "ł": "l", "ð": "d", "þ": "th"})


def upgrade() -> None:
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for table in ("structure", "personne", "rattachement"):
        op.add_column(table, sa.Column("source", sa.String(16), nullable=False, server_default="INITIAL"))
        op.add_column(table, sa.Column("disparu_le", sa.DateTime(timezone=True), nullable=True))
    for table, columns in _FOLDED.items():
        for _, name, length in columns:
            kind = sa.String(length, collation="C") if is_postgresql else sa.String(length)
            op.add_column(table, sa.Column(name, kind, nullable=False, server_default=sa.text("''")))
        _fold(table)
    op.create_index("ix_structure__raison_pliee", "structure", ["plateforme", "raison_pliee", "id_national"])
    op.create_index("ix_personne__nom_plie", "personne", ["plateforme", "nom_plie", "prenom_plie", "id_national"])
    op.create_index("ix_personne__prenom_plie", "personne", ["plateforme", "prenom_plie", "id_national"])
    op.create_index("ix_rattachement__personne", "rattachement", ["plateforme", "id_personne"])
    op.create_table(
        "import_annuaire",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("plateforme", sa.String(16), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("etat", sa.String(16), nullable=False),
        sa.Column("fichier", sa.String(255), nullable=False),
        sa.Column("empreinte", sa.LargeBinary(32), nullable=False),
        sa.Column("commence_le", sa.DateTime(timezone=True), nullable=False),
        sa.Column("vivant_le", sa.DateTime(timezone=True), nullable=False),
        sa.Column("termine_le", sa.DateTime(timezone=True), nullable=True),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("lignes", "rejets", "ajouts", "changements", "retours", "disparitions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_annuaire")),
    )
    op.create_index("ix_import_annuaire__dernier", "import_annuaire", ["plateforme", "source", "id"])
    op.create_index(
        "uq_import_annuaire__en_cours",
        "import_annuaire",
        ["plateforme"],
        unique=True,
        sqlite_where=sa.text("etat = 'EN_COURS'"),
        postgresql_where=sa.text("etat = 'EN_COURS'"),
    )


def downgrade() -> None:
    gone = "SELECT count(*) FROM {} WHERE disparu_le IS NOT NULL"
    if any(op.get_bind().scalar(sa.text(gone.format(table))) for table in (*_FOLDED, "rattachement")):
        raise RuntimeError("des entrées ont disparu de l'annuaire : la version d'avant les croirait en place")
    op.drop_table("import_annuaire")
    op.drop_index("ix_rattachement__personne", table_name="rattachement")
    op.drop_index("ix_personne__prenom_plie", table_name="personne")
    op.drop_index("ix_personne__nom_plie", table_name="personne")
    op.drop_index("ix_structure__raison_pliee", table_name="structure")
    for table, columns in _FOLDED.items():
        for _, name, _ in columns:
            op.drop_column(table, name)
    for table in ("structure", "personne", "rattachement"):
        op.drop_column(table, "disparu_le")
        op.drop_column(table, "source")


def _fold(table: str) -> None:
    """Fill the folded columns of the rows that there are, a page at a time."""
    connection, columns = op.get_bind(), _FOLDED[table]
    names = [source for source, _, _ in columns]
    model = sa.table(
        table, *(sa.column(name) for name in ("plateforme", "id_national", *names, *(c for _, c, _ in columns)))
    )
    key = (model.c.plateforme, model.c.id_national)
    change = (
        sa.update(model)
        .where(*(column == sa.bindparam(f"key_{column.name}") for column in key))
        .values({name: sa.bindparam(f"new_{name}") for _, name, _ in columns})
    )
    last = ("", "")
    while True:
        page = sa.select(*key, *(model.c[name] for name in names)).where(sa.tuple_(*key) > sa.tuple_(*last))
        rows = connection.execute(page.order_by(*key).limit(_PAGE)).all()
        if not rows:
            return
        connection.execute(
            change,
            [
                {"key_plateforme": row[0], "key_id_national": row[1]}
                | {
                    f"new_{name}": _folded(value)[:length]
                    for (_, name, length), value in zip(columns, row[2:], strict=True)
                }
                for row in rows
            ],
        )
        last = (rows[-1][0], rows[-1][1])


def _folded(text: str) -> str:
    """As registration/rules/names.py did when this was written: a migration does not change with the code."""
    lowered = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    lowered = "".join(sign for sign in lowered if not unicodedata.combining(sign)).translate(_LETTERS)
    return " ".join("".join(sign if sign.isalnum() else " " for sign in lowered).split())
