"""Demandes de révocation whose day has come: done once, whoever else is at it, however late."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from registration.errors import Code, IgcError
from registration.life import revocations
from registration.life.revocations import Waiting
from registration.notices.owing import owe_asked
from registration.revocation.revoking import revoke
from registration.revocation.targets import hold_demandes, read_certificats
from registration.rules.asked_revocation import RAISONS
from registration.rules.revocation import Outcome, judge
from registration.vocabulary import ResultatRevocation
from registration.wording import moment
from runtime.clock import Clock
from storage.database import Database

_AT_ONCE = 200


def any_due(db: Database, now: datetime) -> bool:
    """Whether ``revoke_due`` would find anything."""
    with db.read() as session:
        return revocations.is_any_due(session, now)


def revoke_due(db: Database, clock: Clock) -> int:
    """Revoke every certificate whose day has come; gives how many demandes were ended.

    The certificate carries the true instant, the demande the planned one. What has expired meanwhile is Non traitée.
    """
    done = 0
    while True:
        with db.read() as session:
            found = revocations.due(session, clock(), _AT_ONCE)
        if not found:
            return done
        with db.write() as session:
            # Who came first has ended them: the second one waits here, and finds nothing.
            hold_demandes(session, {demande for _, demande in found})
            waiting = revocations.lock_waiting(session, [numero for numero, _ in found])
            _settle(session, waiting, clock())
        done += len(waiting)


def _settle(session: Session, waiting: dict[int, Waiting], now: datetime) -> None:
    raisons: dict[int, str] = {}
    ended: dict[ResultatRevocation, list[int]] = {}
    for certificat in read_certificats(session, waiting):
        one = waiting[certificat.id]
        raison = RAISONS[one.motif]
        outcome = judge(
            raison,
            revoque_le=certificat.revoque_le,
            raison_crl=certificat.raison_crl,
            not_after=certificat.not_after,
            now=now,
        )
        if outcome is Outcome.EXPIRED:
            _expired(session, one.numero, certificat.not_after, now)
            continue
        if outcome is Outcome.REVOKED:
            raisons[certificat.id] = raison
        resultat = ResultatRevocation.REVOQUE if outcome is Outcome.REVOKED else ResultatRevocation.DEJA_REVOQUE
        ended.setdefault(resultat, []).append(one.numero)
    for resultat, numeros in ended.items():
        revocations.end(session, sorted(numeros), resultat, now)
    if raisons:
        revoke(session, raisons, now, _motif(sorted(waiting[ident].numero for ident in raisons)))
    owe_asked(session, ended.get(ResultatRevocation.REVOQUE, []), now)


def _expired(session: Session, numero: int, not_after: datetime, now: datetime) -> None:
    refusal = IgcError(Code.REVOCATION_NOT_ACTIVE, raison=f"il a expiré le {moment(not_after)}, avant d'être révoqué.")
    revocations.end(session, [numero], ResultatRevocation.EXPIRE, now, refusal=refusal)


def _motif(numeros: Sequence[int]) -> str:
    named = f"n° {numeros[0]}" if len(numeros) == 1 else f"{len(numeros)}, n° {numeros[0]} à {numeros[-1]}"
    return f"demande de révocation différée, {named}"
