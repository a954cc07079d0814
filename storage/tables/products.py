"""Which products nobody may ask for at present, and which ones that once was true of."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.acteurs import MOTIF_LENGTH
from storage.tables.base import Base, BigId


class Fermeture(Base):
    """A product (offre, usage) of a plateforme is closed to demandes from ``debut_le`` to before ``fin_le``.

    NULL: nobody has opened it again. What was asked for before goes on. Nothing is removed.
    """

    __tablename__ = "fermeture"
    __table_args__ = (Index("ix_fermeture__produit", "plateforme", "offre", "usage"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    plateforme: Mapped[str] = mapped_column(String(16))
    offre: Mapped[str] = mapped_column(String(8))
    usage: Mapped[str] = mapped_column(String(12))
    debut_le: Mapped[datetime]
    fin_le: Mapped[datetime | None]
    fermee_par: Mapped[str | None] = mapped_column(String(64))
    motif: Mapped[str] = mapped_column(String(MOTIF_LENGTH))
    motif_fin: Mapped[str | None] = mapped_column(String(MOTIF_LENGTH))
