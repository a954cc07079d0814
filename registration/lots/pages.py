"""Turn the stored pages of a large lot into demandes, one page a transaction; called by the batch."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from registration.acteurs.reading import acteur_by_id
from registration.demandes.registering import register, register_unprocessed
from registration.demandes.renewals import complete
from registration.life import outbox
from registration.life.numbers import DEMANDE
from registration.lots.revocations import register_revocations, register_unprocessed_revocations
from registration.policy import DEFAULT_POLICY, LotPolicy
from registration.revocation.targets import authority_names
from registration.rules.validation import judge_csrs
from registration.values import Identite, Origin, RevocationForm, decode_forms, decode_revocations
from registration.vocabulary import Canal, NatureLot
from storage import tables
from storage.database import Database, reserve_in

Chains = Mapping[str, tuple[bytes, ...]]
"""The chain of each issuing authority in DER, issuer first, by its short name."""


def register_page(
    db: Database,
    id_lot: int,
    page: int,
    now: datetime,
    policy: LotPolicy = DEFAULT_POLICY,
    *,
    outbox_id: int,
    chains: Chains = MappingProxyType({}),
) -> int:
    """Register one page and owe the next; gives the number of demandes, 0 when the page was done already.

    The certificates of a page of revocations are revoked with it; ``chains`` say how their authorities are called.
    A second run finds the page gone and does nothing: the row goes in the same transaction as its demandes come.
    ``outbox_id`` is the row that owed this work; it goes in that transaction too.
    """
    with db.read() as session:
        found = session.execute(
            select(tables.LotPage.contenu, tables.Lot.nombre, tables.Lot.id_acteur, tables.Lot.nature)
            .join(tables.Lot, tables.Lot.id == tables.LotPage.id_lot)
            .where(*_is(id_lot, page))
        ).one_or_none()
        acteur = None if found is None else acteur_by_id(session, found.id_acteur)
    if found is None or acteur is None:
        _settle(db, outbox_id)
        return 0
    if found.nature == NatureLot.REVOCATIONS.value:
        return _register_revocations(
            db, id_lot, page, decode_revocations(found.contenu), now, policy, outbox_id, chains
        )
    # What is kept of a page never changes: the long part of judging it is done before anybody has to wait.
    forms, fitting = decode_forms(found.contenu), policy.for_items(found.nombre)
    csrs = judge_csrs(forms, fitting.keys)
    is_whole = complete(db, acteur, forms, now, policy)
    with db.write_numbered({DEMANDE: len(forms)}) as (session, first):
        # Of two runs at the same time, the second waits here and then finds the page gone. Outbox, page, lot: whoever
        # gives a page up locks them in the same order.
        taken = _take(session, id_lot, page, outbox_id)
        if taken is None:
            return 0
        row, lot, origin = taken
        register(
            session,
            origin,
            forms,
            first_numero=first[DEMANDE],
            now=now,
            policy=fitting,
            csrs=csrs,
            id_lot=id_lot,
            first_position=row.premiere_position,
            after=lot.nombre - (row.premiere_position - 1 + row.nombre),
            cancelled_by=_canceller(session, lot),
            is_whole=is_whole,
        )
        _owe_next(session, row, now, policy)
        session.delete(row)
    return len(forms)


def _register_revocations(
    db: Database,
    id_lot: int,
    page: int,
    forms: tuple[RevocationForm, ...],
    now: datetime,
    policy: LotPolicy,
    outbox_id: int,
    chains: Chains,
) -> int:
    names = authority_names(chains)
    with db.write_numbered({DEMANDE: len(forms)}) as (session, first):
        taken = _take(session, id_lot, page, outbox_id)
        if taken is None:
            return 0
        row, lot, origin = taken
        register_revocations(
            session,
            origin,
            forms,
            names,
            now,
            first_numero=first[DEMANDE],
            id_lot=id_lot,
            position=row.premiere_position,
            cancelled_by=_canceller(session, lot),
        )
        _owe_next(session, row, now, policy)
        session.delete(row)
    return len(forms)


def _take(session: Session, id_lot: int, page: int, outbox_id: int) -> tuple[tables.LotPage, tables.Lot, Origin] | None:
    """The page with its lot and sender, held; None for the second of two runs at the same time."""
    outbox.settle(session, [outbox_id])
    row = session.scalar(select(tables.LotPage).where(*_is(id_lot, page)).with_for_update(key_share=True))
    if row is None:
        return None
    lot = _lock_lot(session, id_lot)
    return row, lot, _origin(session, lot)


def give_up_page(session: Session, id_lot: int, page: int, now: datetime, policy: LotPolicy) -> None:
    """After too many failed tries the items of a page become Non traitée, unexamined; the next page goes on."""
    row = session.scalar(select(tables.LotPage).where(*_is(id_lot, page)).with_for_update(key_share=True))
    if row is None:
        return
    lot = _lock_lot(session, id_lot)
    origin = _origin(session, lot)
    first_numero, position = reserve_in(session, DEMANDE, row.nombre), row.premiere_position
    if lot.nature == NatureLot.REVOCATIONS.value:
        items = decode_revocations(row.contenu)
        register_unprocessed_revocations(
            session, origin, items, now, first_numero=first_numero, id_lot=id_lot, position=position
        )
    else:
        forms = decode_forms(row.contenu)
        register_unprocessed(
            session, origin, forms, first_numero=first_numero, now=now, id_lot=id_lot, first_position=position
        )
    _owe_next(session, row, now, policy)
    session.delete(row)


def _lock_lot(session: Session, id_lot: int) -> tables.Lot:
    """A cancellation of the lot comes either before, and is seen here, or after, and then sees these demandes."""
    return session.get_one(tables.Lot, id_lot, with_for_update={"key_share": True})


def _origin(session: Session, lot: tables.Lot) -> Origin:
    """Who deposited the lot, or had it deposited in his place, with the certificate that was presented then."""
    return _acting(session, lot, lot.id_administrateur, lot.emetteur, lot.serie)


def _canceller(session: Session, lot: tables.Lot) -> Origin | None:
    """Who cancelled the lot with items still to come: its acteur, or somebody in his place; None when nobody has."""
    if lot.annule_le is None:
        return None
    if lot.annule_emetteur is None:  # nobody kept it then
        return _origin(session, lot)
    return _acting(session, lot, lot.annule_administrateur, lot.annule_emetteur, lot.annule_serie)


def _acting(
    session: Session, lot: tables.Lot, administrateur: int | None, emetteur: str | None, serie: str | None
) -> Origin:
    known = emetteur is not None and serie is not None
    return Origin(
        acteur=acteur_by_id(session, lot.id_acteur),
        canal=Canal.WS,
        administrateur=None if administrateur is None else acteur_by_id(session, administrateur),
        identite=Identite(emetteur=emetteur or "", serie=serie or "") if known else None,
    )


def _is(id_lot: int, page: int) -> tuple[ColumnElement[bool], ...]:
    return (tables.LotPage.id_lot == id_lot, tables.LotPage.page == page)


def _owe_next(session: Session, row: tables.LotPage, now: datetime, policy: LotPolicy) -> None:
    following = row.page + 1
    if session.scalar(select(tables.LotPage.page).where(*_is(row.id_lot, following))) is not None:
        # Registration stays two pages ahead of the signatures, and no further: it waits for the chunks of the page
        # before this one.
        rang = max(0, row.premiere_position - row.nombre) // policy.chunk_size
        outbox.owe_page(session, row.id_lot, following, rang=rang, now=now)


def _settle(db: Database, outbox_id: int) -> None:
    with db.write() as session:
        outbox.settle(session, [outbox_id])
