"""The limit of a withdrawal (guide §8.7): who did not come for a certificate in time has it no more.

The limit is a date of the database: to the instant for who withdraws (``withdrawable``), and followed by the batch
whenever it comes to it. Late, doubled or side by side it ends each demande once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast

import structlog
from sqlalchemy import Table, bindparam, func, select, text, update
from sqlalchemy.orm import Session

from registration.demandes.cancellation import revoke_signed
from registration.life import transitions
from registration.notices.owing import owe
from registration.policy import LotPolicy
from registration.retraits.withdrawable import too_late
from registration.vocabulary import Avis, CodeAction
from runtime.clock import Clock
from storage import tables
from storage.database import Database

log = structlog.get_logger()

# The rows of one transaction: whoever withdraws or deposits meanwhile waits no longer than for a chunk of a lot.
_AT_ONCE = 250
# A job is done well within its time; what is left is due when the relay looks again.
_ROUNDS = 40
_MOTIF = "délai de retrait dépassé"

_demande, _certificat = tables.Demande, tables.Certificat
_waiting = text(tables.WAITING)
_GIVE = (
    update(cast("Table", tables.Demande.__table__))
    .where(cast("Table", tables.Demande.__table__).c.id == bindparam("numero"))
    .values(limite_retrait=bindparam("limite"))
)


def any_due(db: Database, now: datetime) -> bool:
    """Whether a limit has come, or a certificate waits without one."""
    with db.read() as session:
        return any(
            session.scalar(select(_demande.id).where(_waiting, which).limit(1)) is not None
            for which in (_demande.limite_retrait <= now, _demande.limite_retrait.is_(None))
        )


def count_without_limit(session: Session) -> int:
    """How many certificates wait since before there was a limit, and have none yet."""
    without = select(func.count()).select_from(_demande).where(_waiting, _demande.limite_retrait.is_(None))
    return session.scalar(without) or 0


def give_limits(db: Database, policy: LotPolicy, now: datetime) -> int:
    """Give a limit to every certificate that waits without one; gives their number.

    That of any other certificate, but never before the end of the grace, which begins now: nobody knew of a limit.
    """
    earliest, given = now + policy.grace_retrait, 0
    while True:
        with db.write() as session:
            rows = session.execute(
                select(_demande.id, _certificat.emis_le)
                .outerjoin(_certificat, _certificat.id_demande == _demande.id)
                .where(_waiting, _demande.limite_retrait.is_(None))
                .order_by(_demande.id)
                .limit(_AT_ONCE)
                .with_for_update(of=_demande, key_share=True)
            ).all()
            limits = [
                {"numero": numero, "limite": max(earliest, (emis_le or now) + policy.delai_retrait)}
                for numero, emis_le in rows
            ]
            if limits:
                session.connection().execute(_GIVE, limits)
        if not rows:
            break
        given += len(rows)
    if given:
        log.warning("certificates that waited without a limit have one", number=given, earliest=earliest)
    return given


def end_overdue(db: Database, clock: Clock) -> int:
    """End the demandes whose limit has come, the longest overdue first; gives how many this call has ended.

    In transactions of some rows each, and so many of these at most: the rest stays due.
    """
    ended = 0
    for _ in range(_ROUNDS):
        now = clock()
        overdue = _waiting, _demande.limite_retrait <= now
        with db.read() as session:
            found = session.scalars(
                select(_demande.id).where(*overdue).order_by(_demande.limite_retrait).limit(_AT_ONCE)
            ).all()
        if not found:
            break
        with db.write() as session:
            # Asked again under the lock: somebody may have withdrawn, cancelled or ended it meanwhile.
            numeros = session.scalars(
                select(_demande.id)
                .where(_demande.id.in_(found), *overdue)
                .order_by(_demande.id)
                .with_for_update(key_share=True)
            ).all()
            _end(session, numeros, now)
        ended += len(numeros)
    if ended:
        log.info("demandes ended by the limit of their withdrawal", number=ended)
    return ended


def _end(session: Session, numeros: Sequence[int], now: datetime) -> None:
    """Annulée by the plateforme itself, with the reason for its follower, and the certificate revoked."""
    refusal = too_late()
    error = {"code_erreur": refusal.code.value, "texte_erreur": refusal.text}
    transitions.move(session, CodeAction.NOT_WITHDRAWN, numeros, now, **error)
    revoke_signed(session, numeros, now, _MOTIF)
    owe(session, Avis.DEADLINE_OVER, numeros, now)
