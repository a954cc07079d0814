"""Every table of the plateforme. Names are the singular French nouns of the contract.

``etat`` and the other coded columns are plain strings: their enums and transitions live in ``registration``,
which stands above this room.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from storage.types import UtcDateTime

# SQLite only gives automatic numbers to a column declared exactly INTEGER PRIMARY KEY.
BigId = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """One naming of constraints, so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s__%(column_0_N_name)s",
            "uq": "uq_%(table_name)s__%(column_0_N_name)s",
            "fk": "fk_%(table_name)s__%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 -- read by SQLAlchemy on the class
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        bytes: LargeBinary,
    }


class Structure(Base):
    """A structure of the directory (Struct_IdNat), per plateforme."""

    __tablename__ = "structure"
    plateforme: Mapped[str] = mapped_column(String(16), primary_key=True)
    id_national: Mapped[str] = mapped_column(String(20), primary_key=True)
    raison_sociale: Mapped[str] = mapped_column(String(256))
    departement: Mapped[str] = mapped_column(String(64))


class Personne(Base):
    """A person of the directory (PS_IdNat), per plateforme."""

    __tablename__ = "personne"
    plateforme: Mapped[str] = mapped_column(String(16), primary_key=True)
    id_national: Mapped[str] = mapped_column(String(32), primary_key=True)
    type_personne: Mapped[str] = mapped_column(String(2))
    nom: Mapped[str] = mapped_column(String(80))
    prenom: Mapped[str] = mapped_column(String(80))
    titre: Mapped[str] = mapped_column(String(64))
    code_profession: Mapped[int | None]
    code_formation: Mapped[int | None]
    savoir_faire: Mapped[str | None] = mapped_column(String(16))
    tableau_pharmacien: Mapped[str | None] = mapped_column(String(4))


class Rattachement(Base):
    """A person works in a structure: the possible beneficiaires of offre PRO."""

    __tablename__ = "rattachement"
    __table_args__ = (
        ForeignKeyConstraint(["plateforme", "id_personne"], ["personne.plateforme", "personne.id_national"]),
        ForeignKeyConstraint(["plateforme", "id_structure"], ["structure.plateforme", "structure.id_national"]),
    )
    plateforme: Mapped[str] = mapped_column(String(16), primary_key=True)
    id_structure: Mapped[str] = mapped_column(String(20), primary_key=True)
    id_personne: Mapped[str] = mapped_column(String(32), primary_key=True)


class Acteur(Base):
    """A registered person or application. Its client certificates come and go; its lots stay its own."""

    __tablename__ = "acteur"
    __table_args__ = (UniqueConstraint("plateforme", "type_acteur", "id_national"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    plateforme: Mapped[str] = mapped_column(String(16))
    type_acteur: Mapped[str] = mapped_column(String(16))
    id_national: Mapped[str | None] = mapped_column(String(64))
    type_personne: Mapped[str | None] = mapped_column(String(2))
    libelle: Mapped[str] = mapped_column(String(160))


class Identite(Base):
    """A certificate an acteur may present: issuer (SHA-256 of the DER name) and serial, never a text of the subject."""

    __tablename__ = "identite"
    __table_args__ = (UniqueConstraint("issuer_sha256", "serial"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    id_acteur: Mapped[int] = mapped_column(ForeignKey("acteur.id"), index=True)
    issuer_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    serial: Mapped[str] = mapped_column(String(40))


class Habilitation(Base):
    """An explicit habilitation: acteur, offre, structure and, for SERV and PRO, one domain pattern a row (guide §7)."""

    __tablename__ = "habilitation"
    __table_args__ = (UniqueConstraint("id_acteur", "offre", "id_structure", "domaine"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    id_acteur: Mapped[int] = mapped_column(ForeignKey("acteur.id"), index=True)
    role: Mapped[str] = mapped_column(String(32))
    offre: Mapped[str] = mapped_column(String(8))
    id_structure: Mapped[str] = mapped_column(String(20))
    domaine: Mapped[str | None] = mapped_column(String(255))


class Compteur(Base):
    """Numbers handed out in blocks, so that bulk inserts know their keys beforehand."""

    __tablename__ = "compteur"
    nom: Mapped[str] = mapped_column(String(32), primary_key=True)
    prochain: Mapped[int] = mapped_column(BigInteger)


class Lot(Base):
    """A lot of the WS canal; its id is the index de lot. The sender's reference makes the deposit idempotent."""

    __tablename__ = "lot"
    __table_args__ = (UniqueConstraint("id_acteur", "reference"), {"sqlite_autoincrement": True})
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    plateforme: Mapped[str] = mapped_column(String(16))
    id_acteur: Mapped[int] = mapped_column(ForeignKey("acteur.id"))
    reference: Mapped[str] = mapped_column(String(64))
    empreinte: Mapped[bytes] = mapped_column(LargeBinary(32))
    nombre: Mapped[int]
    depose_le: Mapped[datetime]
    annule_le: Mapped[datetime | None]


class LotPage(Base):
    """Items of a lot as received, waiting to become demandes; the row goes when they have."""

    __tablename__ = "lot_page"
    id_lot: Mapped[int] = mapped_column(ForeignKey("lot.id"), primary_key=True)
    page: Mapped[int] = mapped_column(primary_key=True)
    premiere_position: Mapped[int]
    nombre: Mapped[int]
    contenu: Mapped[bytes]


class Demande(Base):
    """One request for a certificate, of a lot (``id_lot``, ``position``) or of the portal; ``id`` is its numero."""

    __tablename__ = "demande"
    __table_args__ = (
        UniqueConstraint("id_lot", "position"),
        # Covers the follow-up of a lot: its counts are read from the index alone.
        Index("ix_demande__suivi", "id_lot", "etat", "etat_produit", "modifie_le"),
        Index("ix_demande__structure", "plateforme", "id_structure", "offre"),
        Index("ix_demande__beneficiaire", "plateforme", "id_beneficiaire"),
        Index("ix_demande__id_acteur", "id_acteur"),
        Index("ix_demande__cree_le", "cree_le"),
        Index("ix_demande__adresse", "plateforme", "adresse_email"),
    )
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    plateforme: Mapped[str] = mapped_column(String(16))
    canal: Mapped[str] = mapped_column(String(8))
    id_lot: Mapped[int | None] = mapped_column(ForeignKey("lot.id"))
    position: Mapped[int | None]
    reference: Mapped[str | None] = mapped_column(String(64))
    offre: Mapped[str] = mapped_column(String(8))
    usage: Mapped[str] = mapped_column(String(12))
    etat: Mapped[str] = mapped_column(String(16))
    etat_produit: Mapped[str | None] = mapped_column(String(16))
    id_acteur: Mapped[int] = mapped_column(ForeignKey("acteur.id"))
    id_administrateur: Mapped[int | None] = mapped_column(ForeignKey("acteur.id"))
    id_structure: Mapped[str | None] = mapped_column(String(20))
    id_beneficiaire: Mapped[str | None] = mapped_column(String(32))
    service_applicatif: Mapped[str | None] = mapped_column(String(64))
    adresse_email: Mapped[str | None] = mapped_column(String(254))
    fqdns: Mapped[str | None] = mapped_column(Text)
    upn: Mapped[str | None] = mapped_column(String(254))
    email_acteur: Mapped[str] = mapped_column(String(254))
    email_informe: Mapped[str | None] = mapped_column(String(254))
    contenu: Mapped[dict[str, Any] | None]
    code_erreur: Mapped[str | None] = mapped_column(String(16))
    champ_erreur: Mapped[str | None] = mapped_column(String(32))
    texte_erreur: Mapped[str | None] = mapped_column(Text)
    cree_le: Mapped[datetime]
    modifie_le: Mapped[datetime]


class ClePublique(Base):
    """A public key presented in a demande, with its proof of possession (the CSR). The key makes it unique."""

    __tablename__ = "cle_publique"
    __table_args__ = (UniqueConstraint("id_demande"),)
    plateforme: Mapped[str] = mapped_column(String(16), primary_key=True)
    spki_sha256: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    # Deferred: the key is claimed first, whether the demande is accepted follows from it.
    id_demande: Mapped[int] = mapped_column(ForeignKey("demande.id", deferrable=True, initially="DEFERRED"))
    spki: Mapped[bytes]
    csr: Mapped[bytes]


class CleInterdite(Base):
    """A public key that nobody may present any more; ``id_certificat`` is the certificate revoked because of it."""

    __tablename__ = "cle_interdite"
    spki_sha256: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    id_certificat: Mapped[int | None] = mapped_column(ForeignKey("certificat.id"), index=True)
    cree_le: Mapped[datetime]


class AdresseProtegee(Base):
    """Who holds a protected mail address (guide §6.2): one porteur among all certificates in force."""

    __tablename__ = "adresse_protegee"
    plateforme: Mapped[str] = mapped_column(String(16), primary_key=True)
    adresse: Mapped[str] = mapped_column(String(254), primary_key=True)
    porteur: Mapped[str] = mapped_column(String(160))


class CodeRevocation(Base):
    """A revocation code, kept only as a salted hash; one row serves a whole page of a lot."""

    __tablename__ = "code_revocation"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    empreinte: Mapped[str] = mapped_column(String(255))


class Certificat(Base):
    """A certificate of the CA core. ``tbs`` is stored before the signature exists, ``der`` after it.

    UNIQUE(id_demande) is what makes "one certificate per demande" true whatever the queue does. ``spki_sha256`` finds
    every certificate of a key; it is NULL only where an older plateforme left bytes that cannot be read.
    ``raison_modifiee_le`` is when a revoked certificate got another reason; the date of its revocation stays.
    """

    __tablename__ = "certificat"
    __table_args__ = (
        UniqueConstraint("id_demande"),
        UniqueConstraint("autorite", "serial"),
        Index(
            "ix_certificat__revoques",
            "autorite",
            "revoque_le",
            sqlite_where=text("revoque_le IS NOT NULL"),
            postgresql_where=text("revoque_le IS NOT NULL"),
        ),
        Index(
            "ix_certificat__compromis",
            "id",
            sqlite_where=text("raison_crl = 'keyCompromise'"),
            postgresql_where=text("raison_crl = 'keyCompromise'"),
        ),
        Index(
            "ix_certificat__raisons",
            "autorite",
            "raison_modifiee_le",
            sqlite_where=text("raison_modifiee_le IS NOT NULL"),
            postgresql_where=text("raison_modifiee_le IS NOT NULL"),
        ),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    id_demande: Mapped[int | None] = mapped_column(ForeignKey("demande.id"))
    autorite: Mapped[str] = mapped_column(String(64))
    serial: Mapped[str] = mapped_column(String(40))
    produit: Mapped[str] = mapped_column(String(24))
    tbs: Mapped[bytes | None]
    der: Mapped[bytes | None]
    spki_sha256: Mapped[bytes | None] = mapped_column(LargeBinary(32), index=True)
    not_before: Mapped[datetime]
    not_after: Mapped[datetime]
    emis_le: Mapped[datetime | None]
    retire_le: Mapped[datetime | None]
    id_code_revocation: Mapped[int | None] = mapped_column(ForeignKey("code_revocation.id"))
    revoque_le: Mapped[datetime | None]
    raison_crl: Mapped[str | None] = mapped_column(String(32))
    raison_modifiee_le: Mapped[datetime | None]


class Historique(Base):
    """One line a step of a demande (guide figures 147, 167). Triggers refuse any change or removal."""

    __tablename__ = "historique"
    __table_args__ = (Index("ix_historique__id_demande", "id_demande"), {"sqlite_autoincrement": True})
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    id_demande: Mapped[int] = mapped_column(ForeignKey("demande.id"))
    canal: Mapped[str] = mapped_column(String(8))
    date: Mapped[datetime]
    code_action: Mapped[str] = mapped_column(String(16))
    etat: Mapped[str] = mapped_column(String(16))
    type_acteur: Mapped[str] = mapped_column(String(16))
    acteur: Mapped[str] = mapped_column(String(200))
    habilitations_acteur: Mapped[str | None] = mapped_column(String(255))
    administrateur: Mapped[str | None] = mapped_column(String(200))
    habilitations_administrateur: Mapped[str | None] = mapped_column(String(255))


class Outbox(Base):
    """Work the batch owes, written in the transaction that owes it; the row goes when the work is done.

    ``rang`` orders fairly: single requests are 0, the chunks of a lot 0, 1, 2 and so on, so that no lot delays another
    one's beginning. ``lease_until`` says until when a worker is believed to be at it, ``attempts`` which try it is.
    An id is never used again: a late double of a job may not settle the work of another.
    """

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox__ready", "rang", "id"), {"sqlite_autoincrement": True})
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    nature: Mapped[str] = mapped_column(String(24))
    id_lot: Mapped[int | None] = mapped_column(ForeignKey("lot.id"), index=True)
    payload: Mapped[dict[str, Any]]
    rang: Mapped[int]
    created_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    worker: Mapped[str | None] = mapped_column(String(64))
    attempts: Mapped[int]


class Crl(Base):
    """The last full CRL of an authority and the number it carried; beside it the last delta.

    ``dernier_numero`` is the highest number ever handed out, ``publie_le`` the moment that the last list of either
    kind describes. ``apportee`` lists were signed by an offline root and carried here: nobody here renews them.
    """

    __tablename__ = "crl"
    autorite: Mapped[str] = mapped_column(String(64), primary_key=True)
    numero: Mapped[int] = mapped_column(BigInteger)
    this_update: Mapped[datetime]
    next_update: Mapped[datetime]
    der: Mapped[bytes]
    dernier_numero: Mapped[int] = mapped_column(BigInteger)
    publie_le: Mapped[datetime]
    delta: Mapped[bytes | None]
    delta_fin: Mapped[datetime | None]
    apportee: Mapped[bool] = mapped_column(default=False, server_default=false())


class RepondeurOcsp(Base):
    """The delegated OCSP responder of an authority now in service; its certificate is also in ``certificat``."""

    __tablename__ = "repondeur_ocsp"
    autorite: Mapped[str] = mapped_column(String(64), primary_key=True)
    serial: Mapped[str] = mapped_column(String(40))
    not_before: Mapped[datetime]
    not_after: Mapped[datetime]


class PisteAudit(Base):
    """One line of the audit trail: an act of the plateforme, in the transaction of the act. Only ever appended.

    ``numero`` is 1, 2, 3 without a gap. ``contenu`` is JSON, kept as the very text that ``empreinte`` covers together
    with the rest of the line and the empreinte of the line before (storage/trail.py).
    """

    __tablename__ = "piste_audit"
    numero: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    date: Mapped[datetime]
    acte: Mapped[str] = mapped_column(String(32))
    auteur: Mapped[str] = mapped_column(String(64))
    contenu: Mapped[str] = mapped_column(Text)
    empreinte: Mapped[bytes] = mapped_column(LargeBinary(32))


class TeteAudit(Base):
    """The one row that says where the audit trail ends; its lock puts the writers of all processes in order.

    ``historique`` is the last line of the history that a line of the trail vouches for.
    """

    __tablename__ = "tete_audit"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    numero: Mapped[int] = mapped_column(BigInteger)
    empreinte: Mapped[bytes] = mapped_column(LargeBinary(32))
    historique: Mapped[int] = mapped_column(BigInteger)


class Scellement(Base):
    """A signed checkpoint of the audit trail up to ``numero``; the signer's certificate is in ``certificat``."""

    __tablename__ = "scellement"
    numero: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    empreinte: Mapped[bytes] = mapped_column(LargeBinary(32))
    date: Mapped[datetime]
    autorite: Mapped[str] = mapped_column(String(64))
    serial: Mapped[str] = mapped_column(String(40))
    signature: Mapped[bytes]
