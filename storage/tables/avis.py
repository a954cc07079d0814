"""Notices by mail: what is owed, what was sent, what was refused."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base, BigId

TO_GATHER, TO_SEND = "A_REUNIR", "A_ENVOYER"
ANSWER_LENGTH = 255

_GATHERED_BY_LOT = text(f"etat = '{TO_GATHER}' AND id_lot IS NOT NULL")
_GATHERED_BY_DAY = text(f"etat = '{TO_GATHER}' AND id_lot IS NULL")
_WAITING = text(f"etat = '{TO_GATHER}' OR etat = '{TO_SEND}'")


class Avis(Base):
    """One notice to one ``destinataire``: of a demande, or of all that fell to a lot, or to a structure, meanwhile.

    A row A_REUNIR has no destinataire: it says that a lot (or, for what ends, every day) has notices to be gathered
    into one mail a destinataire. ``depuis`` and ``jusqu_a`` bound what such a mail is about; of a row A_REUNIR of a lot
    ``jusqu_a`` is when it is gathered at the latest, of one of every day ``depuis`` is how far the last look went.
    ``du_le`` is when it is to be looked at, or tried (again); whoever takes a row moves it, so that it is his until
    then. ``essais`` counts who took it and fences. ``reponse`` is what the mail server answered last.
    """

    __tablename__ = "avis"
    __table_args__ = (
        Index("ux_avis__destinataire", "nature", "id_demande", "destinataire", unique=True),
        Index(
            "ux_avis__lot",
            "nature",
            "id_lot",
            unique=True,
            sqlite_where=_GATHERED_BY_LOT,
            postgresql_where=_GATHERED_BY_LOT,
        ),
        Index(
            "ux_avis__jour",
            "plateforme",
            "nature",
            unique=True,
            sqlite_where=_GATHERED_BY_DAY,
            postgresql_where=_GATHERED_BY_DAY,
        ),
        Index("ix_avis__du_le", "plateforme", "du_le", sqlite_where=_WAITING, postgresql_where=_WAITING),
        Index("ix_avis__regle_le", "regle_le"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    plateforme: Mapped[str] = mapped_column(String(16))
    nature: Mapped[str] = mapped_column(String(24))
    # No foreign keys: who gathers would wait for whoever holds a demande and waits for the row of its lot here. Neither
    # demandes nor lots are ever removed.
    id_demande: Mapped[int | None] = mapped_column(BigInteger)
    id_lot: Mapped[int | None] = mapped_column(BigInteger)
    id_structure: Mapped[str | None] = mapped_column(String(20))
    destinataire: Mapped[str | None] = mapped_column(String(254))
    role: Mapped[str | None] = mapped_column(String(16))
    depuis: Mapped[datetime | None]
    jusqu_a: Mapped[datetime | None]
    etat: Mapped[str] = mapped_column(String(16))
    cree_le: Mapped[datetime]
    du_le: Mapped[datetime]
    essais: Mapped[int]
    reponse: Mapped[str | None] = mapped_column(String(ANSWER_LENGTH))
    regle_le: Mapped[datetime | None]
