"""What becomes of signed certificates, and of demandes that were refused: one transaction, the last of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import BindParameter, Table, bindparam, select, update
from sqlalchemy.orm import Session

from batch.context import WorkerContext
from batch.issuing.handover import OPEN, Run
from batch.trail_lines import tell_issued, tell_refused
from pki.certificates.serials import serial_hex
from pki.issuing.issuance import IssuedCertificate
from registration.demandes.cancellation import revoke_signed
from registration.life import outbox, transitions
from registration.life.giving_up import give_up, key_refusal
from registration.notices.owing import owe
from registration.vocabulary import Avis, CodeAction, EtatDemande
from runtime.metrics import catalogue
from runtime.metrics.recording import count
from storage import tables

_NUMEROS: BindParameter[Any] = bindparam("numeros", expanding=True)
_demande, _certificat = tables.Demande, tables.Certificat
_IN_WHICH_STATE = (
    select(_demande.id, _demande.etat, _demande.etat_produit, _demande.id_lot)
    .where(_demande.id.in_(_NUMEROS))
    .order_by(_demande.id)
    .with_for_update(key_share=True)
)
_UNSIGNED = select(_certificat.id_demande, _certificat.revoque_le).where(
    _certificat.id_demande.in_(_NUMEROS), _certificat.emis_le.is_(None)
)


def store(
    context: WorkerContext,
    issued: Mapping[int, IssuedCertificate],
    run: Run,
    outbox_ids: Sequence[int],
) -> int:
    """Store what is not stored yet, end what was refused, settle ``outbox_ids``; gives the number of certificates.

    A demande that was cancelled, given up or revoked meanwhile has its certificate revoked: it must not stay valid.
    """
    now = context.clock()
    with context.db.write() as session:
        # First, because the relay too locks a row of the outbox before the demandes that it gives up.
        outbox.settle(session, outbox_ids)
        concerned = [*issued, *run.refused, *run.blocked]
        found = session.connection().execute(_IN_WHICH_STATE, {"numeros": concerned}).all()
        etats = {numero: etat for numero, etat, _produit, _lot in found}
        waiting = {numero for numero, etat, produit, _lot in found if etat in OPEN and produit is None}
        unsigned = _unsigned(session, list(issued))
        mine = [numero for numero in issued if numero in unsigned]
        _store_certificates(session, {numero: issued[numero] for numero in mine}, now)
        told = [(numero, issued[numero]) for numero in mine]
        tell_issued(session, now, [(numero, each.issuer, serial_hex(each.serial), each.der) for numero, each in told])
        available = [numero for numero in mine if etats[numero] == EtatDemande.TRANSMISE.value and not unsigned[numero]]
        limit = now + context.policy.lots.delai_retrait
        transitions.move(session, CodeAction.ISSUED, available, now, limite_retrait=limit)
        # Of a lot, its deposit owes it.
        single = {numero for numero, _etat, _produit, lot in found if lot is None}
        owe(session, Avis.AVAILABLE, [numero for numero in available if numero in single], now)
        # Cancelled, given up or revoked while it was being signed: it must not stay valid.
        ended = [numero for numero in mine if numero not in set(available)]
        transitions.date(session, ended)
        revoke_signed(session, ended, now)
        give_up(session, [numero for numero in run.refused if numero in waiting], now)
        give_up(session, [numero for numero in run.blocked if numero in waiting], now, key_refusal())
        refused = [numero for numero in (*run.refused, *run.blocked) if numero in waiting]
        tell_refused(session, now, refused)
    for autorite, number in Counter(issued[numero].issuer for numero in mine).items():
        count(catalogue.CERTIFICATES, autorite, number=number)
    count(catalogue.REFUSED, number=len(refused))
    return len(mine)


def _unsigned(session: Session, numeros: Sequence[int]) -> dict[int | None, datetime | None]:
    """Those whose certificate is not stored yet, with the moment at which it was revoked all the same."""
    rows = session.connection().execute(_UNSIGNED, {"numeros": list(numeros)})
    return {row.id_demande: row.revoque_le for row in rows}


_UPDATE_CERTIFICAT = (
    update(cast("Table", tables.Certificat.__table__))
    .where(cast("Table", tables.Certificat.__table__).c.id_demande == bindparam("numero"))
    .values(der=bindparam("der_"), emis_le=bindparam("now"), tbs=None)
)


def _store_certificates(session: Session, issued: Mapping[int, IssuedCertificate], now: datetime) -> None:
    """The signed bytes contain the prepared ones, which are dropped."""
    if issued:
        session.connection().execute(
            _UPDATE_CERTIFICAT,
            [{"numero": numero, "der_": certificate.der, "now": now} for numero, certificate in issued.items()],
        )
