"""Cancellation before withdrawal (guide §8.7), one demande or what is registered of a lot.

A certificate already signed is revoked: it must not stay valid with nobody holding it (ours).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registration.acteurs.rights import load_rights
from registration.acteurs.visibility import check_may_act, may_act, may_know_of
from registration.errors import AccessError, Code, ConflictError, NotFoundError
from registration.life import transitions
from registration.notices.owing import owe
from registration.revocation.revoking import revoke_of_demandes
from registration.rules.states import CANCELLABLE
from registration.values import Origin
from registration.views import CancelResult
from registration.vocabulary import LABELS, Avis, CodeAction, EtatDemande, EtatProduit
from storage import tables
from storage.database import Database

CANCELLED_CRL_REASON = "cessationOfOperation"
_MOTIF = "demande annulée ou abandonnée"


def cancel_demande(db: Database, origin: Origin, numero: int, now: datetime) -> CancelResult:
    """Cancel one demande; unchanged when it was cancelled before, ConflictError (ERR_WS_035) when it is too late.

    ERR_IHM_026 without the right to it, his own included; ERR_WS_032 when it does not exist for the acteur.
    """
    demande = tables.Demande
    with db.write() as session:
        row = session.scalar(
            select(demande)
            .where(demande.id == numero, may_know_of(origin.acteur))
            .with_for_update(of=demande, key_share=True)
        )
        if row is None:
            raise NotFoundError(Code.DEMANDE_UNKNOWN)
        check_may_act(session, origin.acteur, row)
        if row.etat == EtatDemande.ANNULEE.value:
            return CancelResult(cancelled=0, unchanged=1)
        if row.etat not in {etat.value for etat in CANCELLABLE}:
            raise ConflictError(Code.CANCEL_TOO_LATE, etat=LABELS[EtatDemande(row.etat)])
        _cancel(session, origin, [row], now)
    return CancelResult(cancelled=1, unchanged=0)


def cancel_of_lot(session: Session, origin: Origin, index: int, now: datetime) -> tuple[int, int]:
    """Cancel what the acteur may of the registered demandes of a lot; gives how many, and how many he knows of.

    ERR_IHM_026 when something could be cancelled and he has the right to nothing of it. The caller holds the lot.
    """
    demande = tables.Demande
    known = session.scalar(
        select(func.count()).select_from(demande).where(demande.id_lot == index, may_know_of(origin.acteur))
    )
    open_ = select(demande).where(
        demande.id_lot == index, demande.etat.in_([etat.value for etat in CANCELLABLE]), may_know_of(origin.acteur)
    )
    rows = session.scalars(
        open_.where(may_act(origin.acteur)).order_by(demande.id).with_for_update(of=demande, key_share=True)
    ).all()
    if not rows and session.scalar(open_.limit(1)) is not None:
        raise AccessError(Code.HABILITATION_MISSING)
    _cancel(session, origin, rows, now)
    return len(rows), known or 0


def _cancel(session: Session, origin: Origin, rows: Sequence[tables.Demande], now: datetime) -> None:
    signed = [row.id for row in rows if row.etat_produit == EtatProduit.A_RETIRER.value]
    transitions.move_by(session, origin, CodeAction.CANCELLED, rows, load_rights(session, origin.acteur), now)
    owe(session, Avis.CANCELLED, [row.id for row in rows], now)
    revoke_signed(session, signed, now)


def revoke_signed(session: Session, numeros: Sequence[int], now: datetime, motif: str = _MOTIF) -> None:
    """Revoke the certificates of demandes that ended without them."""
    revoke_of_demandes(session, numeros, CANCELLED_CRL_REASON, now, motif)
