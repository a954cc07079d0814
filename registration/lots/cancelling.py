"""Cancel what is left of a lot: demandes before their withdrawal (guide §8.7), revocations before their day (ours)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import select
from sqlalchemy.orm import Session

from registration.demandes.cancellation import cancel_of_lot
from registration.demandes.revocations import count_known
from registration.errors import Code, NotFoundError
from registration.revocation.giving_up import give_up_waiting
from registration.values import Origin
from registration.views import CancelResult
from registration.vocabulary import NatureLot
from runtime.clock import Clock
from storage import tables
from storage.database import Database


def _give_up_of_lot(session: Session, origin: Origin, index: int, now: datetime) -> tuple[int, int]:
    """As ``cancel_of_lot``, of a lot of revocations."""
    return give_up_waiting(session, origin, index, now), count_known(session, origin.acteur, index)


_CANCEL: Mapping[str, Callable[[Session, Origin, int, datetime], tuple[int, int]]] = MappingProxyType(
    {NatureLot.CERTIFICATS.value: cancel_of_lot, NatureLot.REVOCATIONS.value: _give_up_of_lot}
)


def cancel_lot(db: Database, origin: Origin, index: int, clock: Clock) -> CancelResult:
    """Cancel what can still be: of its sender also the items not registered yet, of others what they may act on.

    Of a lot of revocations, those that wait for their day are given up, and what is not registered yet is never done;
    what is done stays done. ERR_WS_031 when nothing of the lot is visible, ERR_IHM_026 when something could be
    cancelled and the acteur has the right to nothing of it. Repeated, it finds everything unchanged.
    """
    with db.write() as session:
        session.connection()  # the wait for other writers comes before the date
        now = clock()
        lot = session.scalar(
            select(tables.Lot)
            .where(tables.Lot.id == index, tables.Lot.plateforme == origin.acteur.plateforme.value)
            .with_for_update(key_share=True)
        )
        if lot is None:
            raise NotFoundError(Code.LOT_UNKNOWN)
        mine = lot.id_acteur == origin.acteur.id
        cancelled, known = _CANCEL[lot.nature](session, origin, index, now)
        if not mine and not known:
            raise NotFoundError(Code.LOT_UNKNOWN)
        if mine and lot.annule_le is None:
            cancelled += lot.nombre - known
            _mark(lot, origin, now)
        total = lot.nombre if mine else known
    return CancelResult(cancelled=cancelled, unchanged=total - cancelled)


def _mark(lot: tables.Lot, origin: Origin, now: datetime) -> None:
    """Whoever registers the rest of it knows that, and who wanted it so."""
    lot.annule_le = now
    lot.annule_administrateur = origin.administrateur.id if origin.administrateur else None
    if origin.identite is not None:
        lot.annule_emetteur, lot.annule_serie = origin.identite.emetteur, origin.identite.serie
