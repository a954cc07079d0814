"""The audit trail, and the stop of a plateforme that cannot trust its own rows."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base


class PisteAudit(Base):
    """One line of the audit trail: an act of the plateforme, in the transaction of the act. Only ever appended.

    ``numero`` is 1, 2, 3 without a gap. ``contenu`` is JSON, kept as the very text that ``empreinte`` covers together
    with the rest of the line and the empreinte of the line before (storage/trail.py).
    """

    __tablename__ = "piste_audit"
    numero: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    date: Mapped[datetime]
    acte: Mapped[str] = mapped_column(String(32))
    auteur: Mapped[str] = mapped_column(String(64))
    contenu: Mapped[str] = mapped_column(Text)
    empreinte: Mapped[bytes] = mapped_column(LargeBinary(32))


class TeteAudit(Base):
    """The one row that says where the audit trail ends; its lock puts the writers of all processes in order.

    ``historique`` is the last line of the history that a line of the trail vouches for.
    """

    __tablename__ = "tete_audit"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    numero: Mapped[int] = mapped_column(BigInteger)
    empreinte: Mapped[bytes] = mapped_column(LargeBinary(32))
    historique: Mapped[int] = mapped_column(BigInteger)


class Scellement(Base):
    """A signed checkpoint of the audit trail up to ``numero``; the signer's certificate is in ``certificat``."""

    __tablename__ = "scellement"
    numero: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    empreinte: Mapped[bytes] = mapped_column(LargeBinary(32))
    date: Mapped[datetime]
    autorite: Mapped[str] = mapped_column(String(64))
    serial: Mapped[str] = mapped_column(String(40))
    signature: Mapped[bytes]


class Arret(Base):
    """The plateforme has found that its database is not the one it worked with last; at most one row.

    While it is there nothing is issued, published or deposited, and nobody is recognised (batch/past/guard.py).
    ``raison`` is French, for the operator.
    """

    __tablename__ = "arret"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    constate_le: Mapped[datetime]
    raison: Mapped[str] = mapped_column(Text)
