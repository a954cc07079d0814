"""What a person has typed on the portal and not sent yet."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base, BigId


class Brouillon(Base):
    """One form under way: ``donnees`` is JSON, by step. ``numero`` is what it became, once and for ever.

    It belongs to ``proprietaire``, whoever acts and in whose name; after ``fin_le`` it is forgotten. No secret is ever
    in it: no password, no revocation code, no key.
    """

    __tablename__ = "brouillon"
    __table_args__ = (Index("ix_brouillon__proprietaire", "plateforme", "proprietaire", "genre", "modifie_le"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    plateforme: Mapped[str] = mapped_column(String(16))
    proprietaire: Mapped[str] = mapped_column(String(200))
    genre: Mapped[str] = mapped_column(String(16))
    donnees: Mapped[bytes] = mapped_column(LargeBinary)
    modifie_le: Mapped[datetime]
    fin_le: Mapped[datetime] = mapped_column(index=True)
    numero: Mapped[int | None] = mapped_column(BigId)


class BrouillonPage(Base):
    """Some items of a lot that is looked at before it is sent, in the form of ``lot_page``; they go with it."""

    __tablename__ = "brouillon_page"
    id_brouillon: Mapped[str] = mapped_column(ForeignKey("brouillon.id", ondelete="CASCADE"), primary_key=True)
    page: Mapped[int] = mapped_column(primary_key=True)
    contenu: Mapped[bytes] = mapped_column(LargeBinary)
