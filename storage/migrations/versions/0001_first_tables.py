"""first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import storage.types

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "acteur",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("plateforme", sa.String(length=16), nullable=False),
        sa.Column("type_acteur", sa.String(length=16), nullable=False),
        sa.Column("id_national", sa.String(length=64), nullable=True),
        sa.Column("type_personne", sa.String(length=2), nullable=True),
        sa.Column("libelle", sa.String(length=160), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acteur")),
        sa.UniqueConstraint(
            "plateforme", "type_acteur", "id_national", name=op.f("uq_acteur__plateforme_type_acteur_id_national")
        ),
    )
    op.create_table(
        "adresse_protegee",
        sa.Column("plateforme", sa.String(length=16), nullable=False),
        sa.Column("adresse", sa.String(length=254), nullable=False),
        sa.Column("porteur", sa.String(length=160), nullable=False),
        sa.PrimaryKeyConstraint("plateforme", "adresse", name=op.f("pk_adresse_protegee")),
    )
    op.create_table(
        "code_revocation",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("empreinte", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_code_revocation")),
    )
    op.create_table(
        "compteur",
        sa.Column("nom", sa.String(length=32), nullable=False),
        sa.Column("prochain", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("nom", name=op.f("pk_compteur")),
    )
    op.create_table(
        "crl",
        sa.Column("autorite", sa.String(length=64), nullable=False),
        sa.Column("numero", sa.BigInteger(), nullable=False),
        sa.Column("this_update", storage.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("next_update", storage.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("autorite", name=op.f("pk_crl")),
    )
    op.create_table(
        "personne",
        sa.Column("plateforme", sa.String(length=16), nullable=False),
        sa.Column("id_national", sa.String(length=32), nullable=False),
        sa.Column("type_personne", sa.String(length=2), nullable=False),
        sa.Column("nom", sa.String(length=80), nullable=False),
        sa.Column("prenom", sa.String(length=80), nullable=False),
        sa.Column("titre", sa.String(length=64), nullable=False),
        sa.Column("code_profession", sa.Integer(), nullable=True),
        sa.Column("code_formation", sa.Integer(), nullable=True),
        sa.Column("savoir_faire", sa.String(length=16), nullable=True),
        sa.Column("tableau_pharmacien", sa.String(length=4), nullable=True),
        sa.PrimaryKeyConstraint("plateforme", "id_national", name=op.f("pk_personne")),
    )
    op.create_table(
        "structure",
        sa.Column("plateforme", sa.String(length=16), nullable=False),
        sa.Column("id_national", sa.String(length=20), nullable=False),
        sa.Column("raison_sociale", sa.String(length=256), nullable=False),
        sa.Column("departement", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("plateforme", "id_national", name=op.f("pk_structure")),
    )
    op.create_table(
        "habilitation",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id_acteur", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("offre", sa.String(length=8), nullable=False),
        sa.Column("id_structure", sa.String(length=20), nullable=False),
        sa.Column("domaine", sa.String(length=255), nullable=True),
        sa.ForeignKeyConstraint(["id_acteur"], ["acteur.id"], name=op.f("fk_habilitation__id_acteur")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_habilitation")),
        sa.UniqueConstraint(
            "id_acteur",
            "offre",
            "id_structure",
            "domaine",
            name=op.f("uq_habilitation__id_acteur_offre_id_structure_domaine"),
        ),
    )
    op.create_index(op.f("ix_habilitation__id_acteur"), "habilitation", ["id_acteur"], unique=False)
    op.create_table(
        "identite",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id_acteur", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("issuer_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("serial", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["id_acteur"], ["acteur.id"], name=op.f("fk_identite__id_acteur")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identite")),
        sa.UniqueConstraint("issuer_sha256", "serial", name=op.f("uq_identite__issuer_sha256_serial")),
    )
    op.create_index(op.f("ix_identite__id_acteur"), "identite", ["id_acteur"], unique=False)
    op.create_table(
        "lot",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("plateforme", sa.String(length=16), nullable=False),
        sa.Column("id_acteur", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("empreinte", sa.LargeBinary(length=32), nullable=False),
        sa.Column("nombre", sa.Integer(), nullable=False),
        sa.Column("depose_le", storage.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("annule_le", storage.types.UtcDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["id_acteur"], ["acteur.id"], name=op.f("fk_lot__id_acteur")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lot")),
        sa.UniqueConstraint("id_acteur", "reference", name=op.f("uq_lot__id_acteur_reference")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "rattachement",
        sa.Column("plateforme", sa.String(length=16), nullable=False),
        sa.Column("id_structure", sa.String(length=20), nullable=False),
        sa.Column("id_personne", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["plateforme", "id_personne"],
            ["personne.plateforme", "personne.id_national"],
            name=op.f("fk_rattachement__plateforme_id_personne"),
        ),
        sa.ForeignKeyConstraint(
            ["plateforme", "id_structure"],
            ["structure.plateforme", "structure.id_national"],
            name=op.f("fk_rattachement__plateforme_id_structure"),
        ),
        sa.PrimaryKeyConstraint("plateforme", "id_structure", "id_personne", name=op.f("pk_rattachement")),
    )
    op.create_table(
        "demande",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("plateforme", sa.String(length=16), nullable=False),
        sa.Column("canal", sa.String(length=8), nullable=False),
        sa.Column("id_lot", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("reference", sa.String(length=64), nullable=True),
        sa.Column("offre", sa.String(length=8), nullable=False),
        sa.Column("usage", sa.String(length=12), nullable=False),
        sa.Column("etat", sa.String(length=16), nullable=False),
        sa.Column("etat_produit", sa.String(length=16), nullable=True),
        sa.Column("id_acteur", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id_administrateur", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("id_structure", sa.String(length=20), nullable=True),
        sa.Column("id_beneficiaire", sa.String(length=32), nullable=True),
        sa.Column("service_applicatif", sa.String(length=64), nullable=True),
        sa.Column("adresse_email", sa.String(length=254), nullable=True),
        sa.Column("fqdns", sa.Text(), nullable=True),
        sa.Column("upn", sa.String(length=254), nullable=True),
        sa.Column("email_acteur", sa.String(length=254), nullable=False),
        sa.Column("email_informe", sa.String(length=254), nullable=True),
        sa.Column("contenu", sa.JSON(), nullable=True),
        sa.Column("code_erreur", sa.String(length=16), nullable=True),
        sa.Column("champ_erreur", sa.String(length=32), nullable=True),
        sa.Column("texte_erreur", sa.Text(), nullable=True),
        sa.Column("cree_le", storage.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("modifie_le", storage.types.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["id_acteur"], ["acteur.id"], name=op.f("fk_demande__id_acteur")),
        sa.ForeignKeyConstraint(["id_administrateur"], ["acteur.id"], name=op.f("fk_demande__id_administrateur")),
        sa.ForeignKeyConstraint(["id_lot"], ["lot.id"], name=op.f("fk_demande__id_lot")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_demande")),
        sa.UniqueConstraint("id_lot", "position", name=op.f("uq_demande__id_lot_position")),
    )
    op.create_index("ix_demande__adresse", "demande", ["plateforme", "adresse_email"], unique=False)
    op.create_index("ix_demande__beneficiaire", "demande", ["plateforme", "id_beneficiaire"], unique=False)
    op.create_index("ix_demande__cree_le", "demande", ["cree_le"], unique=False)
    op.create_index("ix_demande__id_acteur", "demande", ["id_acteur"], unique=False)
    op.create_index("ix_demande__structure", "demande", ["plateforme", "id_structure", "offre"], unique=False)
    op.create_index("ix_demande__suivi", "demande", ["id_lot", "etat", "etat_produit", "modifie_le"], unique=False)
    op.create_table(
        "lot_page",
        sa.Column("id_lot", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("premiere_position", sa.Integer(), nullable=False),
        sa.Column("nombre", sa.Integer(), nullable=False),
        sa.Column("contenu", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["id_lot"], ["lot.id"], name=op.f("fk_lot_page__id_lot")),
        sa.PrimaryKeyConstraint("id_lot", "page", name=op.f("pk_lot_page")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("nature", sa.String(length=24), nullable=False),
        sa.Column("id_lot", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("rang", sa.Integer(), nullable=False),
        sa.Column("created_at", storage.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("lease_until", storage.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("worker", sa.String(length=64), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["id_lot"], ["lot.id"], name=op.f("fk_outbox__id_lot")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_outbox__id_lot"), "outbox", ["id_lot"], unique=False)
    op.create_index("ix_outbox__ready", "outbox", ["rang", "id"], unique=False)
    op.create_table(
        "certificat",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id_demande", sa.BigInteger(), nullable=True),
        sa.Column("autorite", sa.String(length=64), nullable=False),
        sa.Column("serial", sa.String(length=40), nullable=False),
        sa.Column("produit", sa.String(length=24), nullable=False),
        sa.Column("tbs", sa.LargeBinary(), nullable=True),
        sa.Column("der", sa.LargeBinary(), nullable=True),
        sa.Column("not_before", storage.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("not_after", storage.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("emis_le", storage.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("retire_le", storage.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("id_code_revocation", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("revoque_le", storage.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("raison_crl", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["id_code_revocation"], ["code_revocation.id"], name=op.f("fk_certificat__id_code_revocation")
        ),
        sa.ForeignKeyConstraint(["id_demande"], ["demande.id"], name=op.f("fk_certificat__id_demande")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificat")),
        sa.UniqueConstraint("autorite", "serial", name=op.f("uq_certificat__autorite_serial")),
        sa.UniqueConstraint("id_demande", name=op.f("uq_certificat__id_demande")),
    )
    op.create_index(
        "ix_certificat__revoques",
        "certificat",
        ["autorite"],
        unique=False,
        sqlite_where=sa.text("revoque_le IS NOT NULL"),
        postgresql_where=sa.text("revoque_le IS NOT NULL"),
    )
    op.create_table(
        "cle_publique",
        sa.Column("plateforme", sa.String(length=16), nullable=False),
        sa.Column("spki_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("id_demande", sa.BigInteger(), nullable=False),
        sa.Column("spki", sa.LargeBinary(), nullable=False),
        sa.Column("csr", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["id_demande"],
            ["demande.id"],
            name=op.f("fk_cle_publique__id_demande"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("plateforme", "spki_sha256", name=op.f("pk_cle_publique")),
        sa.UniqueConstraint("id_demande", name=op.f("uq_cle_publique__id_demande")),
    )
    op.create_table(
        "historique",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id_demande", sa.BigInteger(), nullable=False),
        sa.Column("canal", sa.String(length=8), nullable=False),
        sa.Column("date", storage.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("code_action", sa.String(length=16), nullable=False),
        sa.Column("etat", sa.String(length=16), nullable=False),
        sa.Column("type_acteur", sa.String(length=16), nullable=False),
        sa.Column("acteur", sa.String(length=200), nullable=False),
        sa.Column("habilitations_acteur", sa.String(length=255), nullable=True),
        sa.Column("administrateur", sa.String(length=200), nullable=True),
        sa.Column("habilitations_administrateur", sa.String(length=255), nullable=True),
        sa.ForeignKeyConstraint(["id_demande"], ["demande.id"], name=op.f("fk_historique__id_demande")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_historique")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_historique__id_demande", "historique", ["id_demande"], unique=False)
    op.execute("INSERT INTO compteur (nom, prochain) VALUES ('demande', 1)")
    _make_history_append_only()


def _make_history_append_only() -> None:
    """Lines of the history are only ever appended (spec domain, History): the database itself refuses the rest."""
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER historique_no_{act.lower()} BEFORE {act} ON historique "
                "BEGIN SELECT RAISE(ABORT, 'historique is append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION historique_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'historique is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER historique_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON historique "
        "FOR EACH STATEMENT EXECUTE FUNCTION historique_append_only()"
    )
    # A page of a lot is already dense (base64 decoded): compressing it would only cost time.
    op.execute("ALTER TABLE lot_page ALTER COLUMN contenu SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.drop_index("ix_historique__id_demande", table_name="historique")
    op.drop_table("historique")
    op.drop_table("cle_publique")
    op.drop_index(
        "ix_certificat__revoques",
        table_name="certificat",
        sqlite_where=sa.text("revoque_le IS NOT NULL"),
        postgresql_where=sa.text("revoque_le IS NOT NULL"),
    )
    op.drop_table("certificat")
    op.drop_index("ix_outbox__ready", table_name="outbox")
    op.drop_index(op.f("ix_outbox__id_lot"), table_name="outbox")
    op.drop_table("outbox")
    op.drop_table("lot_page")
    op.drop_index("ix_demande__suivi", table_name="demande")
    op.drop_index("ix_demande__structure", table_name="demande")
    op.drop_index("ix_demande__id_acteur", table_name="demande")
    op.drop_index("ix_demande__cree_le", table_name="demande")
    op.drop_index("ix_demande__beneficiaire", table_name="demande")
    op.drop_index("ix_demande__adresse", table_name="demande")
    op.drop_table("demande")
    op.drop_table("rattachement")
    op.drop_table("lot")
    op.drop_index(op.f("ix_identite__id_acteur"), table_name="identite")
    op.drop_table("identite")
    op.drop_index(op.f("ix_habilitation__id_acteur"), table_name="habilitation")
    op.drop_table("habilitation")
    op.drop_table("structure")
    op.drop_table("personne")
    op.drop_table("crl")
    op.drop_table("compteur")
    op.drop_table("code_revocation")
    op.drop_table("adresse_protegee")
    op.drop_table("acteur")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION historique_append_only()")
