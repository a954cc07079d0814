"""A refused item of a lot may have no offre, no usage and no address of its acteur: nothing is made up in their place."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_COLUMNS = {"offre": 8, "usage": 12, "email_acteur": 254}


def upgrade() -> None:
    _set_nullable(nullable=True)


def downgrade() -> None:
    conditions = " OR ".join(f"{name} IS NULL" for name in _COLUMNS)
    if op.get_bind().scalar(sa.text(f"SELECT count(*) FROM demande WHERE {conditions}")):  # noqa: S608 -- our names
        raise RuntimeError(
            "des demandes refusées n'ont pas d'offre, d'usage ou d'email : la version d'avant ne les lit pas"
        )
    _set_nullable(nullable=False)


def _set_nullable(*, nullable: bool) -> None:
    if op.get_bind().dialect.name == "sqlite":
        _rewrite_declaration(nullable=nullable)
        return
    for name, length in _COLUMNS.items():
        op.alter_column("demande", name, existing_type=sa.String(length), nullable=nullable)


def _rewrite_declaration(*, nullable: bool) -> None:
    """Change the words NOT NULL in the stored declaration, which is how SQLite's own manual has it done.

    A copy of the table would leave history, keys and certificates without the rows that they refer to
    (https://sqlite.org/lang_altertable.html, section 7: no change of the content on disk).
    """
    connection = op.get_bind()
    declared = connection.scalar(sa.text("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = 'demande'"))
    changed = str(declared)
    for name, length in _COLUMNS.items():
        strict, free = f"{name} VARCHAR({length}) NOT NULL", f"{name} VARCHAR({length})"
        before, after = (strict, free) if nullable else (free, strict)
        if changed.count(before) != 1:
            raise RuntimeError(f"demande.{name} is not declared as expected")
        changed = changed.replace(before, after)
    version = connection.scalar(sa.text("PRAGMA schema_version"))
    connection.execute(sa.text("PRAGMA writable_schema = ON"))
    connection.execute(
        sa.text("UPDATE sqlite_schema SET sql = :changed WHERE type = 'table' AND name = 'demande'"),
        {"changed": changed},
    )
    connection.execute(sa.text(f"PRAGMA schema_version = {int(version) + 1}"))
    connection.execute(sa.text("PRAGMA writable_schema = RESET"))
    found = {row.name: row.notnull for row in connection.execute(sa.text("PRAGMA table_info(demande)"))}
    if any(bool(found[name]) is nullable for name in _COLUMNS):
        raise RuntimeError("the declaration of demande was not changed")
