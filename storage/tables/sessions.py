"""Who is logged in on the portal, by which door."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base


class SessionPortail(Base):
    """One browser at one door of the portal; ``cle`` is the SHA-256 of what its cookie says, which stands nowhere.

    ``certificat`` is the SHA-256 of the client certificate that it was opened with. One of Pro Santé Connect has its
    verified claims in ``sujet``, its ID token in ``jeton`` and digests of the issuer's words for session and account.
    Without activity it is over at ``expire_le``, whatever happens at ``fin_le``.
    """

    __tablename__ = "session_portail"
    __table_args__ = (
        Index("ix_session_portail__acteur", "plateforme", "acteur", "vue_le"),
        Index("ix_session_portail__sid", "sid"),
        Index("ix_session_portail__compte", "compte"),
    )
    cle: Mapped[str] = mapped_column(String(64), primary_key=True)
    plateforme: Mapped[str] = mapped_column(String(16))
    porte: Mapped[str] = mapped_column(String(16))
    acteur: Mapped[str] = mapped_column(String(200))
    certificat: Mapped[str | None] = mapped_column(String(64))
    sujet: Mapped[bytes | None] = mapped_column(LargeBinary)
    jeton: Mapped[bytes | None] = mapped_column(LargeBinary)
    sid: Mapped[str | None] = mapped_column(String(64))
    compte: Mapped[str | None] = mapped_column(String(64))
    donnees: Mapped[bytes] = mapped_column(LargeBinary)
    ouverte_le: Mapped[datetime]
    vue_le: Mapped[datetime]
    expire_le: Mapped[datetime] = mapped_column(index=True)
    fin_le: Mapped[datetime]
