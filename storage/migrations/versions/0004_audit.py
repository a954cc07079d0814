"""The audit trail, its checkpoints, and the key of every certificate."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from alembic import op
from cryptography import x509

import storage.types
from pki.certificates.tbs import read_tbs
from pki.errors import LintError

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_PROTECTED = ("piste_audit", "scellement")
_BATCH = 1_000


def upgrade() -> None:
    moment = storage.types.UtcDateTime(timezone=True)
    op.create_table(
        "piste_audit",
        sa.Column("numero", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("date", moment, nullable=False),
        sa.Column("acte", sa.String(length=32), nullable=False),
        sa.Column("auteur", sa.String(length=64), nullable=False),
        sa.Column("contenu", sa.Text(), nullable=False),
        sa.Column("empreinte", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("numero", name=op.f("pk_piste_audit")),
    )
    op.create_table(
        "tete_audit",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("numero", sa.BigInteger(), nullable=False),
        sa.Column("empreinte", sa.LargeBinary(length=32), nullable=False),
        sa.Column("historique", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tete_audit")),
    )
    op.create_table(
        "scellement",
        sa.Column("numero", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("empreinte", sa.LargeBinary(length=32), nullable=False),
        sa.Column("date", moment, nullable=False),
        sa.Column("autorite", sa.String(length=64), nullable=False),
        sa.Column("serial", sa.String(length=40), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("numero", name=op.f("pk_scellement")),
    )
    zeros = sa.literal(bytes(32), sa.LargeBinary(32))
    head = sa.table("tete_audit", *(sa.column(name) for name in ("id", "numero", "empreinte", "historique")))
    op.execute(sa.insert(head).values(id=1, numero=0, empreinte=zeros, historique=0))
    _make_append_only()
    op.add_column("certificat", sa.Column("spki_sha256", sa.LargeBinary(length=32), nullable=True))
    _fill_keys(op.get_bind())
    op.create_index(op.f("ix_certificat__spki_sha256"), "certificat", ["spki_sha256"])


def _make_append_only() -> None:
    """As for the history: the database itself refuses to change or remove a line."""
    for table in _PROTECTED:
        if op.get_bind().dialect.name == "sqlite":
            for act in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )
        else:
            op.execute(
                f"CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
            )
            op.execute(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_append_only()"
            )


def _fill_keys(connection: sa.Connection) -> None:
    """Say the key of what was issued before; bytes that cannot be read stay without one, for the auditor to name."""
    certificat = sa.table("certificat", *(sa.column(name) for name in ("id", "tbs", "der", "spki_sha256")))
    done = 0
    while True:
        rows = connection.execute(
            sa.select(certificat.c.id, certificat.c.tbs, certificat.c.der)
            .where(certificat.c.id > done)
            .order_by(certificat.c.id)
            .limit(_BATCH)
        ).all()
        if not rows:
            return
        for number, tbs, der in rows:
            digest = _key_digest(tbs, der)
            if digest is not None:
                connection.execute(sa.update(certificat).where(certificat.c.id == number).values(spki_sha256=digest))
        done = rows[-1].id


def _key_digest(tbs: bytes | None, der: bytes | None) -> bytes | None:
    try:
        signed = x509.load_der_x509_certificate(bytes(der)).tbs_certificate_bytes if der else bytes(tbs or b"")
        return hashlib.sha256(read_tbs(signed).spki).digest()
    except (ValueError, LintError):
        return None


def downgrade() -> None:
    op.drop_index(op.f("ix_certificat__spki_sha256"), table_name="certificat")
    with op.batch_alter_table("certificat") as certificat:
        certificat.drop_column("spki_sha256")
    for table in _PROTECTED:
        op.drop_table(table)
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"DROP FUNCTION {table}_append_only()")
    op.drop_table("tete_audit")
