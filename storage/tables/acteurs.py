"""Who acts, by which certificates, with which habilitations."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base, BigId

MOTIF_LENGTH = 200


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
    """A certificate an acteur may present: issuer (SHA-256 of the DER name) and serial, never a text of the subject.

    It opens something until ``fin_le``; what has ended stays. ``not_after`` is the certificate's own end; that and
    ``inscrite_le`` are NULL for what an older plateforme registered.
    """

    __tablename__ = "identite"
    __table_args__ = (UniqueConstraint("issuer_sha256", "serial"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    id_acteur: Mapped[int] = mapped_column(ForeignKey("acteur.id"), index=True)
    issuer_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    serial: Mapped[str] = mapped_column(String(40))
    inscrite_le: Mapped[datetime | None]
    not_after: Mapped[datetime | None]
    fin_le: Mapped[datetime | None]
    motif_fin: Mapped[str | None] = mapped_column(String(MOTIF_LENGTH))


class Habilitation(Base):
    """An explicit habilitation: acteur, offre, structure and, for SERV and PRO, one domain pattern a row (guide §7).

    In force from ``debut_le`` (NULL: from the first) to before ``fin_le`` (NULL: no end is known).
    Nothing is removed: one that was taken back has its end, and ``motif_fin``. ``donnee_par`` is the author that the
    audit trail names.
    """

    __tablename__ = "habilitation"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    id_acteur: Mapped[int] = mapped_column(ForeignKey("acteur.id"), index=True)
    role: Mapped[str] = mapped_column(String(32))
    offre: Mapped[str] = mapped_column(String(8))
    id_structure: Mapped[str] = mapped_column(String(20))
    domaine: Mapped[str | None] = mapped_column(String(255))
    debut_le: Mapped[datetime | None]
    fin_le: Mapped[datetime | None]
    donnee_le: Mapped[datetime | None]
    donnee_par: Mapped[str | None] = mapped_column(String(64))
    motif: Mapped[str | None] = mapped_column(String(MOTIF_LENGTH))
    motif_fin: Mapped[str | None] = mapped_column(String(MOTIF_LENGTH))


class Nomination:
    """That a person is named for something, from ``debut_le`` to before ``fin_le``; the columns of a table of them.

    One that was taken back has its end, and ``motif_fin``; nothing is removed.
    """

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    id_acteur: Mapped[int] = mapped_column(ForeignKey("acteur.id"), index=True)
    debut_le: Mapped[datetime]
    fin_le: Mapped[datetime | None]
    nomme_par: Mapped[str | None] = mapped_column(String(64))
    motif: Mapped[str] = mapped_column(String(MOTIF_LENGTH))
    motif_fin: Mapped[str | None] = mapped_column(String(MOTIF_LENGTH))


class Administrateur(Nomination, Base):
    """A person who may act for others (agir pour un tiers)."""

    __tablename__ = "administrateur"


class Operateur(Nomination, Base):
    """A person who may enter the operators' room of the portal; as an administrateur, and apart from him."""

    __tablename__ = "operateur"
