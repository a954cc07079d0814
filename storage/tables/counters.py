"""Numbers handed out in blocks."""

from __future__ import annotations

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base


class Compteur(Base):
    """Numbers handed out in blocks, so that bulk inserts know their keys beforehand.

    None above ``plafond`` is handed out: somebody outside of the database has written that number down before, so that
    a database restored from its backup is told how far its numbers went. NULL as long as nobody does.
    """

    __tablename__ = "compteur"
    nom: Mapped[str] = mapped_column(String(32), primary_key=True)
    prochain: Mapped[int] = mapped_column(BigInteger)
    plafond: Mapped[int | None] = mapped_column(BigInteger)
