"""Demandes de révocation (guide §11): each with a numero, an etat and a history of its own."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base

_PENDING = text("etat = 'VALIDEE'")


class DemandeRevocation(Base):
    """One wish to have a certificate revoked; ``id`` is its numero, of the same counter as those of ``demande``.

    ``effet_le`` is when it takes effect: 00:00 in Paris on its day when ``differee``. The instant at which the
    certificate was revoked in truth stands there. ``role`` is the one in which its acteur acted; NULL together with
    ``motif``, ``email`` and ``id_certificat`` where an item of a lot was refused before that was known.
    ``id_acteur`` is NULL where nobody had logged in: the code was proof enough; ``role`` is NULL too.
    ``remplacee_par`` is the numero of the one that took effect before it. At most one waits for its day for each
    certificate.
    """

    __tablename__ = "demande_revocation"
    __table_args__ = (
        UniqueConstraint("id_lot", "position"),
        Index(
            "uq_demande_revocation__en_attente",
            "id_certificat",
            unique=True,
            sqlite_where=_PENDING,
            postgresql_where=_PENDING,
        ),
        Index("ix_demande_revocation__due", "effet_le", sqlite_where=_PENDING, postgresql_where=_PENDING),
        Index("ix_demande_revocation__id_certificat", "id_certificat"),
        Index("ix_demande_revocation__id_demande", "id_demande"),
        Index("ix_demande_revocation__id_acteur", "id_acteur"),
        Index("ix_demande_revocation__cree_le", "cree_le"),
    )
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    plateforme: Mapped[str] = mapped_column(String(16))
    canal: Mapped[str] = mapped_column(String(8))
    id_lot: Mapped[int | None] = mapped_column(ForeignKey("lot.id"))
    position: Mapped[int | None]
    reference: Mapped[str | None] = mapped_column(String(64))
    etat: Mapped[str] = mapped_column(String(16))
    resultat: Mapped[str] = mapped_column(String(16))
    id_acteur: Mapped[int | None] = mapped_column(ForeignKey("acteur.id"))
    id_administrateur: Mapped[int | None] = mapped_column(ForeignKey("acteur.id"))
    role: Mapped[str | None] = mapped_column(String(24))
    id_demande: Mapped[int | None] = mapped_column(ForeignKey("demande.id"))
    id_certificat: Mapped[int | None] = mapped_column(ForeignKey("certificat.id"))
    motif: Mapped[str | None] = mapped_column(String(16))
    autre_motif: Mapped[str | None] = mapped_column(String(255))
    effet_le: Mapped[datetime | None]
    differee: Mapped[bool]
    email: Mapped[str | None] = mapped_column(String(254))
    remplacee_par: Mapped[int | None] = mapped_column(BigInteger)
    code_erreur: Mapped[str | None] = mapped_column(String(16))
    champ_erreur: Mapped[str | None] = mapped_column(String(32))
    texte_erreur: Mapped[str | None] = mapped_column(Text)
    cree_le: Mapped[datetime]
    modifie_le: Mapped[datetime]
