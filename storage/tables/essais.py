"""What a public form remembers of its visitors: how often codes were tried, and which tokens have served."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base


class EssaiCode(Base):
    """A count of tries of revocation codes without login; ``cle`` holds a digest, never an address or a serial.

    What ``debut_le`` and ``fin_le`` mean follows from ``nature`` (``registration.rules.code_tries``); after ``fin_le``
    the row says nothing any more.
    """

    __tablename__ = "essai_code"
    __table_args__ = (Index("ix_essai_code__nature_fin_le", "nature", "fin_le"),)
    cle: Mapped[str] = mapped_column(String(64), primary_key=True)
    nature: Mapped[str] = mapped_column(String(12))
    nombre: Mapped[int]
    debut_le: Mapped[datetime]
    fin_le: Mapped[datetime] = mapped_column(index=True)


class JetonServi(Base):
    """A token of a public form that has served and does not serve again; after ``fin_le`` it would not anyway."""

    __tablename__ = "jeton_servi"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    fin_le: Mapped[datetime] = mapped_column(index=True)
