"""Which certificates may be handed out to their requester, and why others are not (guide §8.7, §9, §10.2.2)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from registration.acteurs.visibility import may_act
from registration.errors import AccessError, Code, ConflictError
from registration.values import Acteur
from registration.vocabulary import LABELS, EtatDemande, EtatProduit
from registration.wording import moment
from storage import tables

_WITHDRAWABLE = (EtatProduit.A_RETIRER.value, EtatProduit.ACTIF.value)


def too_late() -> ConflictError:
    """ERR_IHM_013 of who comes after the limit, whether the batch has ended the demande already or not."""
    raison = "le délai de retrait est dépassé. Faites une nouvelle demande de certificat."
    return ConflictError(Code.RETRAIT_FAILED, raison=raison)


def in_force(now: datetime) -> ColumnElement[bool]:
    """Demandes whose certificate may be handed out: for the first time before its limit, or again.

    It is signed, not revoked, not expired. A revocation moves the demande in its own transaction; the date of the
    certificate says the same twice. A limit that is not known yet (``overdue.give_limits``) has not come.
    """
    # An alias of its own: the query around it may read certificat too.
    demande, certificat = tables.Demande, aliased(tables.Certificat)
    return and_(
        demande.etat_produit.in_(_WITHDRAWABLE),
        or_(
            demande.etat_produit == EtatProduit.ACTIF.value,
            demande.limite_retrait.is_(None),
            demande.limite_retrait > now,
        ),
        exists().where(
            certificat.id_demande == demande.id, certificat.not_after > now, certificat.revoque_le.is_(None)
        ),
    )


def explain_nothing(session: Session, acteur: Acteur, lot: tables.Lot, now: datetime) -> None:
    """A page must not be empty because rights are gone (ERR_IHM_026) or certificates past (ERR_IHM_013, ERR_WS_034).

    It may be while the lot has others, before this page or still to be signed.
    """
    demande = tables.Demande
    current, in_rights = in_force(now), may_act(acteur)
    overdue = or_(
        and_(demande.etat_produit == EtatProduit.A_RETIRER.value, demande.limite_retrait <= now),
        demande.code_erreur == Code.RETRAIT_FAILED.value,
    )

    def some(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
        return func.max(case((and_(*conditions), 1), else_=0))

    signed, good, allowed, left, late = session.execute(
        select(func.count(), some(current), some(in_rights), some(current, in_rights), some(overdue)).where(
            demande.id_lot == lot.id,
            or_(
                demande.etat.in_([EtatDemande.TRANSMISE.value, EtatDemande.CLOSE.value]),
                demande.code_erreur == Code.RETRAIT_FAILED.value,
            ),
            demande.etat_produit.is_not(None),
        )
    ).one()
    if not signed or left:
        return
    if good or not allowed:
        raise AccessError(Code.HABILITATION_MISSING)
    if count_pending(session, lot):
        return
    if late:
        raise too_late()
    raise ConflictError(Code.NOT_WITHDRAWABLE, raison="les certificats de ce lot sont tous expirés ou révoqués.")


def check_state(demande: tables.Demande, certificat: tables.Certificat | None, now: datetime) -> None:
    """``in_force`` for one row, with the reason in a ConflictError.

    ERR_WS_033 when it is not signed yet, ERR_IHM_013 when its limit has come, else ERR_WS_034.
    """
    etat = EtatDemande(demande.etat)
    if etat in {EtatDemande.ENREGISTREE, EtatDemande.VALIDEE} or (
        etat is EtatDemande.TRANSMISE and demande.etat_produit is None
    ):
        raise ConflictError(Code.NOT_READY, etat=LABELS[etat])
    if demande.code_erreur == Code.RETRAIT_FAILED.value:
        raise too_late()
    if certificat is None or etat not in {EtatDemande.TRANSMISE, EtatDemande.CLOSE}:
        raise ConflictError(Code.NOT_WITHDRAWABLE, raison=f"la demande est à l'état « {LABELS[etat]} ».")
    if demande.etat_produit not in _WITHDRAWABLE or certificat.revoque_le is not None:
        raise ConflictError(Code.NOT_WITHDRAWABLE, raison="le certificat est révoqué.")
    limit = demande.limite_retrait
    if demande.etat_produit == EtatProduit.A_RETIRER.value and limit is not None and limit <= now:
        raise too_late()
    if certificat.not_after <= now:
        raise ConflictError(Code.NOT_WITHDRAWABLE, raison=f"le certificat a expiré le {moment(certificat.not_after)}.")


def count_pending(session: Session, lot: tables.Lot) -> int:
    """How many items of the lot have no final word yet, unregistered pages included."""
    demande = tables.Demande
    done = session.scalar(
        select(func.count()).where(
            demande.id_lot == lot.id,
            (demande.etat_produit.is_not(None))
            | demande.etat.in_([EtatDemande.REJETEE.value, EtatDemande.NON_TRAITEE.value, EtatDemande.ANNULEE.value]),
        )
    )
    return lot.nombre - (done or 0)
