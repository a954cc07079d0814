"""Turn the stored pages of a large lot into demandes, one page a transaction; called by the batch."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from registration import outbox
from registration.acteurs import acteur_by_id
from registration.policy import DEFAULT_POLICY, LotPolicy
from registration.registering import register, register_unprocessed
from registration.values import Origin, decode_forms
from registration.vocabulary import Canal
from storage import tables
from storage.database import Database, reserve_in


def register_page(
    db: Database, id_lot: int, page: int, now: datetime, policy: LotPolicy = DEFAULT_POLICY, *, outbox_id: int
) -> int:
    """Register one page and owe the next; gives the number of demandes, 0 when the page was done already.

    A second run finds the page gone and does nothing: the row goes in the same transaction as its demandes come.
    ``outbox_id`` is the row that owed this work; it goes in that transaction too.
    """
    with db.read() as session:
        nombre = session.scalar(select(tables.LotPage.nombre).where(*_is(id_lot, page)))
    if nombre is None:
        _settle(db, outbox_id)
        return 0
    first_numero = db.reserve("demande", nombre)
    with db.write() as session:
        # Of two runs at the same time, the second waits here and then finds the page gone. Outbox, page, lot: whoever
        # gives a page up locks them in the same order.
        session.execute(delete(tables.Outbox).where(tables.Outbox.id == outbox_id))
        row = session.scalar(select(tables.LotPage).where(*_is(id_lot, page)).with_for_update())
        if row is None:
            return 0
        lot = _lock_lot(session, id_lot)
        forms = decode_forms(row.contenu)
        origin = Origin(acteur=acteur_by_id(session, lot.id_acteur), canal=Canal.WS)
        register(
            session,
            origin,
            forms,
            first_numero=first_numero,
            now=now,
            policy=policy,
            id_lot=id_lot,
            first_position=row.premiere_position,
            cancelled=lot.annule_le is not None,
        )
        _owe_next(session, row, now, policy)
        session.delete(row)
    return len(forms)


def give_up_page(session: Session, id_lot: int, page: int, now: datetime, policy: LotPolicy) -> None:
    """After too many failed tries the items of a page become Non traitée, unexamined; the next page goes on."""
    row = session.scalar(select(tables.LotPage).where(*_is(id_lot, page)).with_for_update())
    if row is None:
        return
    lot = _lock_lot(session, id_lot)
    origin = Origin(acteur=acteur_by_id(session, lot.id_acteur), canal=Canal.WS)
    register_unprocessed(
        session,
        origin,
        decode_forms(row.contenu),
        first_numero=reserve_in(session, "demande", row.nombre),
        now=now,
        id_lot=id_lot,
        first_position=row.premiere_position,
    )
    _owe_next(session, row, now, policy)
    session.delete(row)


def _lock_lot(session: Session, id_lot: int) -> tables.Lot:
    """A cancellation of the lot comes either before, and is seen here, or after, and then sees these demandes."""
    return session.get_one(tables.Lot, id_lot, with_for_update=True)


def _is(id_lot: int, page: int) -> tuple[ColumnElement[bool], ...]:
    return (tables.LotPage.id_lot == id_lot, tables.LotPage.page == page)


def _owe_next(session: Session, row: tables.LotPage, now: datetime, policy: LotPolicy) -> None:
    following = row.page + 1
    if session.scalar(select(tables.LotPage.page).where(*_is(row.id_lot, following))) is not None:
        # Registration stays one page ahead of the signatures, and no further: rang follows the chunks of this page.
        rang = row.premiere_position // policy.chunk_size
        outbox.owe_page(session, row.id_lot, following, rang=rang, now=now)


def _settle(db: Database, outbox_id: int) -> None:
    with db.write() as session:
        session.execute(delete(tables.Outbox).where(tables.Outbox.id == outbox_id))
