"""Certificates of the CA core, what follows their revocation, and what is published of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base, BigId

TO_LIST = "coalesce(raison_listee, '') <> CASE WHEN revoque_le IS NOT NULL THEN coalesce(raison_crl, 'unspecified') END"
"""A revocation, or its reason, that the full list in force does not carry.

One term, so that with it no other index than its own serves: planners without statistics would take another one.
"""


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
    ``raison_listee`` is the reason for which a full list that was stored carries it: never told before that list is
    committed, perhaps a moment later (TO_LIST).
    ``id_bloc`` is the block of keys that its key was compared with others in, NULL until it was.
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
        Index(
            "ix_certificat__a_lister",
            "autorite",
            "not_after",
            sqlite_where=text(TO_LIST),
            postgresql_where=text(TO_LIST),
        ),
        Index(
            "ix_certificat__listes",
            "autorite",
            "not_after",
            "revoque_le",
            sqlite_where=text("revoque_le IS NOT NULL"),
            postgresql_where=text("revoque_le IS NOT NULL"),
        ),
        Index(
            "ix_certificat__sans_fin",
            "autorite",
            "not_after",
            sqlite_where=text("revoque_le IS NOT NULL AND emis_le IS NULL"),
            postgresql_where=text("revoque_le IS NOT NULL AND emis_le IS NULL"),
        ),
        Index(
            "ix_certificat__fins",
            "not_after",
            sqlite_where=text("retire_le IS NOT NULL AND revoque_le IS NULL"),
            postgresql_where=text("retire_le IS NOT NULL AND revoque_le IS NULL"),
        ),
        Index(
            "ix_certificat__a_examiner",
            "id",
            sqlite_where=text("emis_le IS NOT NULL AND id_bloc IS NULL"),
            postgresql_where=text("emis_le IS NOT NULL AND id_bloc IS NULL"),
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
    id_acceptation: Mapped[int | None] = mapped_column(ForeignKey("acceptation.id"))
    revoque_le: Mapped[datetime | None]
    raison_crl: Mapped[str | None] = mapped_column(String(32))
    raison_modifiee_le: Mapped[datetime | None]
    raison_listee: Mapped[str | None] = mapped_column(String(32))
    id_bloc: Mapped[int | None] = mapped_column(BigInteger)


class BlocCles(Base):
    """Certified RSA keys by the product of their moduli: a new key that shares a prime with one of them shows in it."""

    __tablename__ = "bloc_cles"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    nombre: Mapped[int]
    produit: Mapped[bytes]


class CleInterdite(Base):
    """A public key that nobody may present any more; ``id_certificat`` is the certificate revoked because of it."""

    __tablename__ = "cle_interdite"
    spki_sha256: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    id_certificat: Mapped[int | None] = mapped_column(ForeignKey("certificat.id"), index=True)
    cree_le: Mapped[datetime]


class Crl(Base):
    """The last full CRL of an authority and the number it carried; beside it the last delta.

    ``this_update`` and ``next_update`` are what the full list says. What it describes is ``complete_le``, later than
    the former when lists are back-dated; ``publie_le`` is the moment that the last list of either kind describes.
    ``dernier_numero`` is the highest number ever handed out. ``apportee`` lists were signed by an offline root and
    carried here: nobody here renews them.

    The next full list is made of this one's octets when ``socle``, its SHA-256, says that it is the one which the rows
    know as their last (``Certificat.raison_listee``). ``entrees`` are on it; what ended before ``sorties_le`` has left
    it. ``refaite_le`` is when a list was last made of every row, ``ecart_le`` when one made of its forerunner was not
    what the rows say, until one is again.
    """

    __tablename__ = "crl"
    autorite: Mapped[str] = mapped_column(String(64), primary_key=True)
    numero: Mapped[int] = mapped_column(BigInteger)
    this_update: Mapped[datetime]
    next_update: Mapped[datetime]
    der: Mapped[bytes]
    dernier_numero: Mapped[int] = mapped_column(BigInteger)
    complete_le: Mapped[datetime]
    publie_le: Mapped[datetime]
    delta: Mapped[bytes | None]
    delta_fin: Mapped[datetime | None]
    apportee: Mapped[bool] = mapped_column(default=False, server_default=false())
    socle: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    entrees: Mapped[int | None]
    sorties_le: Mapped[datetime | None]
    refaite_le: Mapped[datetime | None]
    ecart_le: Mapped[datetime | None]


class RepondeurOcsp(Base):
    """The delegated OCSP responder of an authority now in service; its certificate is also in ``certificat``."""

    __tablename__ = "repondeur_ocsp"
    autorite: Mapped[str] = mapped_column(String(64), primary_key=True)
    serial: Mapped[str] = mapped_column(String(40))
    not_before: Mapped[datetime]
    not_after: Mapped[datetime]
