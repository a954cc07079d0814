"""The texts that a withdrawal accepts (CGU, PC), version by version, and who accepted them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base, BigId

VERSION_LENGTH = 32


class Texte(Base):
    """One version of a text as it was published: never changed, never removed, and served as long as the plateforme."""

    __tablename__ = "texte"
    plateforme: Mapped[str] = mapped_column(String(16), primary_key=True)
    nature: Mapped[str] = mapped_column(String(8), primary_key=True)
    version: Mapped[str] = mapped_column(String(VERSION_LENGTH), primary_key=True)
    empreinte: Mapped[str] = mapped_column(String(64), index=True)
    type_media: Mapped[str] = mapped_column(String(80))
    contenu: Mapped[bytes] = mapped_column(LargeBinary)
    paru_le: Mapped[datetime]


class Acceptation(Base):
    """One act of acceptance, of one certificate or a page of them; ``..._empreinte`` are SHA-256, hexadecimal."""

    __tablename__ = "acceptation"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    id_acteur: Mapped[int] = mapped_column(ForeignKey("acteur.id"))
    id_administrateur: Mapped[int | None] = mapped_column(ForeignKey("acteur.id"))
    canal: Mapped[str] = mapped_column(String(8))
    acceptee_le: Mapped[datetime]
    cgu_version: Mapped[str] = mapped_column(String(VERSION_LENGTH))
    cgu_empreinte: Mapped[str] = mapped_column(String(64))
    pc_version: Mapped[str] = mapped_column(String(VERSION_LENGTH))
    pc_empreinte: Mapped[str] = mapped_column(String(64))
