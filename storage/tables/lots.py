"""Lots, their pages, and what the batch owes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base, BigId


class Lot(Base):
    """A lot of the WS canal; its id is the index de lot. The sender's reference makes the deposit idempotent.

    ``nature`` says what its items are: demandes, or demandes de révocation.

    ``emetteur`` and ``serie`` are those of the client certificate that deposited it, as in the history;
    ``id_administrateur`` is who acted for its acteur then. Who cancelled it is its acteur, too, or somebody for him:
    ``annule_administrateur`` with the certificate that he presented.
    """

    __tablename__ = "lot"
    __table_args__ = (
        UniqueConstraint("id_acteur", "reference"),
        Index("ix_lot__id_acteur", "id_acteur", "id"),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    plateforme: Mapped[str] = mapped_column(String(16))
    nature: Mapped[str] = mapped_column(String(16), server_default=text("'CERTIFICATS'"))
    id_acteur: Mapped[int] = mapped_column(ForeignKey("acteur.id"))
    id_administrateur: Mapped[int | None] = mapped_column(ForeignKey("acteur.id"))
    reference: Mapped[str] = mapped_column(String(64))
    empreinte: Mapped[bytes] = mapped_column(LargeBinary(32))
    nombre: Mapped[int]
    depose_le: Mapped[datetime]
    annule_le: Mapped[datetime | None]
    emetteur: Mapped[str | None] = mapped_column(String(64))
    serie: Mapped[str | None] = mapped_column(String(40))
    annule_administrateur: Mapped[int | None] = mapped_column(ForeignKey("acteur.id"))
    annule_emetteur: Mapped[str | None] = mapped_column(String(64))
    annule_serie: Mapped[str | None] = mapped_column(String(40))


class LotCompte(Base):
    """How many demandes of a lot are in one state; rows whose ``nombre`` came back to 0 stay (``storage/counts.py``).

    ``etat_produit`` is empty as long as there is no certificate.
    """

    __tablename__ = "lot_compte"
    id_lot: Mapped[int] = mapped_column(ForeignKey("lot.id"), primary_key=True)
    etat: Mapped[str] = mapped_column(String(16), primary_key=True)
    etat_produit: Mapped[str] = mapped_column(String(16), primary_key=True)
    nombre: Mapped[int]
    modifie_le: Mapped[datetime]


class LotStructure(Base):
    """Which structures and offres the demandes of a lot concern, so that who administers them finds it in a list.

    Those that passed validation alone; of a lot of revocations, those whose certificates it names. Only ever added to.
    """

    __tablename__ = "lot_structure"
    plateforme: Mapped[str] = mapped_column(String(16), primary_key=True)
    id_structure: Mapped[str] = mapped_column(String(20), primary_key=True)
    offre: Mapped[str] = mapped_column(String(8), primary_key=True)
    id_lot: Mapped[int] = mapped_column(ForeignKey("lot.id"), primary_key=True)


class LotPage(Base):
    """Items of a lot as received, waiting to become demandes; the row goes when they have."""

    __tablename__ = "lot_page"
    id_lot: Mapped[int] = mapped_column(ForeignKey("lot.id"), primary_key=True)
    page: Mapped[int] = mapped_column(primary_key=True)
    premiere_position: Mapped[int]
    nombre: Mapped[int]
    contenu: Mapped[bytes]


class Outbox(Base):
    """Work the batch owes, written in the transaction that owes it; the row goes when the work is done.

    ``rang`` orders fairly: single requests are 0, the chunks of a lot 0, 1, 2 and so on, so that no lot delays another
    one's beginning. ``lease_until`` says until when a worker is believed to be at it, ``attempts`` which try it is,
    ``envois`` how often it was sent to the queue since it was claimed last.
    An id is never used again: a late double of a job may not settle the work of another.
    """

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox__ready", "rang", "id"), {"sqlite_autoincrement": True})
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    nature: Mapped[str] = mapped_column(String(24))
    id_lot: Mapped[int | None] = mapped_column(ForeignKey("lot.id"), index=True)
    payload: Mapped[dict[str, Any]]
    rang: Mapped[int]
    created_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    worker: Mapped[str | None] = mapped_column(String(64))
    attempts: Mapped[int]
    envois: Mapped[int]


class SigneDeVie(Base):
    """What the relay last saw of the queue, at most one row: jobs that wait there, and workers that listen to it.

    Who has no access to the queue knows by it that the queue serves, and that somebody relays and works.
    """

    __tablename__ = "signe_de_vie"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    vu_le: Mapped[datetime]
    en_attente: Mapped[int]
    workers: Mapped[int]
