"""Withdrawal of certificates (guide §9), one or a page of a lot, safe to repeat when the answer was lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from pki.pkcs7 import certs_only
from registration import history
from registration.errors import AccessError, Code, ConflictError, IgcError, NotFoundError
from registration.rules.revocation_code import check_code, hash_code, verify_code
from registration.slicing import slices
from registration.values import Origin
from registration.views import Retrait, RetraitConditions, RetraitPage
from registration.visibility import check_may_act, may_act, may_follow
from registration.vocabulary import LABELS, CodeAction, EtatDemande, EtatProduit, Offre
from storage import tables
from storage.database import Database

Chains = Mapping[str, tuple[bytes, ...]]
_WITHDRAWABLE = (EtatProduit.A_RETIRER.value, EtatProduit.ACTIF.value)


def withdraw_demande(
    db: Database, chains: Chains, origin: Origin, numero: int, conditions: RetraitConditions, now: datetime
) -> Retrait:
    """Withdraw one certificate: the demande becomes Close, the product Actif.

    Only the requester (ERR_IHM_017) with his habilitation still there (026); ERR_WS_033 when it is not signed yet,
    ERR_WS_034 when it cannot be withdrawn any more. Repeated with the same code, it gives the same certificate.
    """
    _check_conditions(conditions)
    empreinte = hash_code(conditions.code)
    demande = tables.Demande
    with db.write() as session:
        row = session.scalar(
            select(demande).where(demande.id == numero, may_follow(origin.acteur)).with_for_update(of=demande)
        )
        if row is None:
            raise NotFoundError(Code.DEMANDE_UNKNOWN)
        if row.id_acteur != origin.acteur.id:
            raise AccessError(Code.RETRAIT_NOT_REQUESTER)
        check_may_act(session, origin.acteur, row)
        _check_state(row)
        return _withdraw(session, chains, origin, _read(session, [row.id]), conditions, empreinte, now)[0]


def withdraw_lot_page(
    db: Database,
    chains: Chains,
    origin: Origin,
    index: int,
    conditions: RetraitConditions,
    now: datetime,
    *,
    after: int,
    limit: int,
) -> RetraitPage:
    """Withdraw up to ``limit`` certificates of positions above ``after``; items that cannot be withdrawn are left out.

    One revocation code serves the page. Items withdrawn before with the same code come again; with another
    code the page is refused (ERR_IHM_013) and nothing changes. ERR_IHM_026 when certificates wait and the right to
    every one of them is gone.
    """
    _check_conditions(conditions)
    empreinte = hash_code(conditions.code)
    demande = tables.Demande
    with db.write() as session:
        lot = session.get(tables.Lot, index)
        if lot is None or lot.plateforme != origin.acteur.plateforme.value:
            raise NotFoundError(Code.LOT_UNKNOWN)
        if lot.id_acteur != origin.acteur.id:
            raise _not_requester(session, origin, index)
        numeros = session.scalars(
            select(demande.id)
            .where(
                demande.id_lot == index,
                demande.position > after,
                demande.etat_produit.in_(_WITHDRAWABLE),
                may_act(origin.acteur),
            )
            .order_by(demande.position)
            .limit(limit + 1)
            .with_for_update(of=demande)
        ).all()
        if not numeros:
            _check_any_in_rights(session, origin, index)
        page = _read(session, numeros[:limit])
        retraits = _withdraw(session, chains, origin, page, conditions, empreinte, now)
        pending = _pending(session, lot)
    more = len(numeros) > limit
    return RetraitPage(retraits=tuple(retraits), next_after=retraits[-1].position if more else None, pending=pending)


def _check_conditions(conditions: RetraitConditions) -> None:
    check_code(conditions.code, conditions.confirmation)
    if not conditions.cgu_accepted:
        raise IgcError(Code.CGU_NOT_ACCEPTED, champ="acceptationCgu")


def _read(session: Session, numeros: Sequence[int]) -> Sequence[Any]:
    """Demande, certificat and hash of the code of each demande, by position.

    After the lock and in a statement of its own: PostgreSQL would show the other tables as they were before the wait.
    """
    demande, certificat, code = tables.Demande, tables.Certificat, tables.CodeRevocation
    return session.execute(
        select(demande, certificat, code.empreinte)
        .outerjoin(certificat, certificat.id_demande == demande.id)
        .outerjoin(code, code.id == certificat.id_code_revocation)
        .where(demande.id.in_(numeros))
        .order_by(demande.position)
    ).all()


def _check_any_in_rights(session: Session, origin: Origin, index: int) -> None:
    """An empty page must not hide that the rights are gone: ERR_IHM_026 when nothing else can be the reason."""
    demande = tables.Demande
    waiting = select(demande.id).where(demande.id_lot == index, demande.etat_produit.in_(_WITHDRAWABLE)).limit(1)
    if session.scalar(waiting) is not None and session.scalar(waiting.where(may_act(origin.acteur))) is None:
        raise AccessError(Code.HABILITATION_MISSING)


def _check_state(demande: tables.Demande) -> None:
    if demande.etat_produit in _WITHDRAWABLE:
        return
    etat = EtatDemande(demande.etat)
    waiting = etat in {EtatDemande.ENREGISTREE, EtatDemande.VALIDEE} or (
        etat is EtatDemande.TRANSMISE and demande.etat_produit is None
    )
    raise ConflictError(Code.NOT_READY if waiting else Code.NOT_WITHDRAWABLE, etat=LABELS[etat])


def _not_requester(session: Session, origin: Origin, index: int) -> IgcError:
    """Who may follow the lot learns why; to everybody else it does not exist."""
    demande = tables.Demande
    visible = session.scalar(select(demande.id).where(demande.id_lot == index, may_follow(origin.acteur)).limit(1))
    return NotFoundError(Code.LOT_UNKNOWN) if visible is None else AccessError(Code.RETRAIT_NOT_REQUESTER)


def _withdraw(
    session: Session,
    chains: Chains,
    origin: Origin,
    rows: Sequence[Any],
    conditions: RetraitConditions,
    empreinte: str,
    now: datetime,
) -> list[Retrait]:
    fresh = [row for row in rows if row[0].etat_produit == EtatProduit.A_RETIRER.value]
    _check_repeated(conditions, [row for row in rows if row[0].etat_produit == EtatProduit.ACTIF.value])
    if fresh:
        code = tables.CodeRevocation(empreinte=empreinte)
        session.add(code)
        session.flush()  # its id stands in the certificates below
        demandes = [row[0].id for row in fresh]
        for part in slices(demandes):
            session.execute(
                update(tables.Certificat)
                .where(tables.Certificat.id_demande.in_(part))
                .values(retire_le=now, id_code_revocation=code.id)
                .execution_options(synchronize_session=False)
            )
            session.execute(
                update(tables.Demande)
                .where(tables.Demande.id.in_(part))
                .values(etat=EtatDemande.CLOSE.value, etat_produit=EtatProduit.ACTIF.value, modifie_le=now)
                .execution_options(synchronize_session=False)
            )
        history.append(session, (_line(row[0], origin, now) for row in fresh))
    return [_as_retrait(row[0], row[1], chains, now) for row in rows]


def _check_repeated(conditions: RetraitConditions, rows: Sequence[Any]) -> None:
    """A repetition proves itself by the code of the first time; scrypt runs once per distinct stored code."""
    verdicts: dict[str, bool] = {}
    for demande, _, stored in rows:
        if stored not in verdicts:
            verdicts[stored] = stored is not None and verify_code(conditions.code, stored)
        if not verdicts[stored]:
            raise ConflictError(
                Code.RETRAIT_FAILED,
                position=demande.position,
                raison=f"la demande n° {demande.id} a déjà été retirée avec un autre code de révocation.",
            )


def _line(demande: tables.Demande, origin: Origin, now: datetime) -> dict[str, Any]:
    used = history.habilitation_used(Offre(demande.offre), demande.id_structure)
    return history.line(demande.id, origin, now, CodeAction.WITHDRAWN, EtatDemande.CLOSE, used)


def _as_retrait(demande: tables.Demande, certificat: tables.Certificat, chains: Chains, now: datetime) -> Retrait:
    der = certificat.der
    if der is None:
        raise RuntimeError("a product without a certificate")
    return Retrait(
        numero=demande.id,
        index_lot=demande.id_lot,
        position=demande.position,
        reference=demande.reference,
        serial=certificat.serial,
        not_after=certificat.not_after,
        retire_le=certificat.retire_le or now,
        pkcs7=certs_only(der, chains[certificat.autorite]),
    )


def _pending(session: Session, lot: tables.Lot) -> int:
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
