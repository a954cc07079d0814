"""Withdrawal of certificates (guide §9), one or a page of a lot, safe to repeat when the answer was lost."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session, load_only

from pki.authority import common_name_of
from pki.containers.pkcs7 import certs_only
from registration.acteurs.rights import load_rights
from registration.acteurs.visibility import check_may_act, may_act, may_follow, may_know_of
from registration.demandes.queries import beyond
from registration.errors import AccessError, Code, ConflictError, IgcError, NotFoundError
from registration.life import transitions
from registration.notices.owing import hasten, owe
from registration.retraits.codes import Codes, WithdrawnMeanwhileError
from registration.retraits.textes import record_acceptance
from registration.retraits.withdrawable import check_state, count_pending, explain_nothing, in_force
from registration.revocation.blocked_keys import TOLD_AT_ONCE
from registration.rules.cutting import check_nature
from registration.rules.revocation_code import check_code
from registration.values import Origin, Textes
from registration.views import Retrait, RetraitConditions, RetraitPage
from registration.vocabulary import Acte, Avis, CodeAction, EtatProduit, NatureLot
from storage import tables
from storage.bulk import slices
from storage.database import Database
from storage.trail import note

Chains = Mapping[str, tuple[bytes, ...]]


@dataclass(frozen=True)
class Remise:
    """What goes with every certificate: its issuer's chain (DER, issuer first), and the texts that are accepted."""

    chains: Chains
    textes: Textes

    @cached_property
    def names(self) -> Mapping[str, str]:
        """The name of each issuer, by its short name."""
        return {short_name: common_name_of(chain[0]) for short_name, chain in self.chains.items()}


# What a withdrawal looks at. What the certificate says stands in the demande too, and would be read for nothing.
_OF_DEMANDE = (
    tables.Demande.id,
    tables.Demande.id_lot,
    tables.Demande.position,
    tables.Demande.reference,
    tables.Demande.offre,
    tables.Demande.id_structure,
    tables.Demande.id_beneficiaire,
    tables.Demande.etat,
    tables.Demande.etat_produit,
    tables.Demande.limite_retrait,
    tables.Demande.code_erreur,
)
_OF_CERTIFICAT = (
    tables.Certificat.der,
    tables.Certificat.autorite,
    tables.Certificat.serial,
    tables.Certificat.not_after,
    tables.Certificat.retire_le,
    tables.Certificat.revoque_le,
)
_TRIES = 5
_R = TypeVar("_R")


def withdraw_demande(
    db: Database, remise: Remise, origin: Origin, numero: int, conditions: RetraitConditions, now: datetime
) -> Retrait:
    """Withdraw one certificate: the demande becomes Close, the product Actif.

    Only the requester (ERR_IHM_017) with his habilitation still there (026); ERR_WS_033 when it is not signed yet,
    ERR_IHM_013 from its limit on, ERR_WS_034 when it cannot be withdrawn any more. Repeated with the same code it gives
    the same certificate as long as that is in force: an expired or revoked one is not handed out (guide §10.2.2).
    """
    _check_conditions(conditions)
    demande = tables.Demande

    def work(codes: Codes, _limit: int) -> Retrait:
        with db.write() as session:
            row = session.scalar(
                select(demande)
                .where(demande.id == numero, may_know_of(origin.acteur))
                .with_for_update(of=demande, key_share=True)
            )
            if row is None:
                raise NotFoundError(Code.DEMANDE_UNKNOWN)
            if row.id_acteur != origin.acteur.id:
                raise AccessError(Code.RETRAIT_NOT_REQUESTER)
            check_may_act(session, origin.acteur, row)
            page = _read(session, [row.id])
            check_state(row, page[0][1], now)
            return _withdraw(session, remise, origin, page, codes, now)[0]

    mine = (demande.id == numero, demande.id_acteur == origin.acteur.id)
    return _with_codes(db, conditions.code, (*mine, in_force(now)), 1, work)


def withdraw_lot_page(
    db: Database,
    remise: Remise,
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
    code the page is refused (ERR_IHM_013) and nothing changes. A page holds items of a few withdrawals at most, and is
    shorter where they were withdrawn one by one. ERR_IHM_026 when certificates wait and the right to every one of them
    is gone. A certificate that is expired, revoked or past its limit by now is left out; ERR_IHM_013 or ERR_WS_034
    when nothing else is left.
    """
    _check_conditions(conditions)
    demande = tables.Demande
    on_page = (demande.id_lot == index, beyond(after), may_act(origin.acteur), in_force(now))

    def work(codes: Codes, limit: int) -> RetraitPage:
        with db.write() as session:
            lot = session.get(tables.Lot, index)
            if lot is None or lot.plateforme != origin.acteur.plateforme.value:
                raise NotFoundError(Code.LOT_UNKNOWN)
            if lot.id_acteur != origin.acteur.id:
                raise _not_requester(session, origin, index)
            check_nature(index, lot.nature, NatureLot.CERTIFICATS)
            numeros = session.scalars(
                select(demande.id)
                .where(*on_page)
                .order_by(demande.position)
                .limit(limit + 1)
                .with_for_update(of=demande, key_share=True)
            ).all()
            if not numeros:
                explain_nothing(session, origin.acteur, lot, now)
            page = _read(session, numeros[:limit])
            is_fresh = any(row[0].etat_produit == EtatProduit.A_RETIRER.value for row in page)
            retraits = _withdraw(session, remise, origin, page, codes, now)
            pending = count_pending(session, lot)
            after_last = retraits[-1].position if len(numeros) > limit else None
            if is_fresh and after_last is None and not pending:
                hasten(session, Avis.WITHDRAWN, index, now)
        return RetraitPage(retraits=tuple(retraits), next_after=after_last, pending=pending)

    return _with_codes(db, conditions.code, (*on_page, demande.id_acteur == origin.acteur.id), limit, work)


def _with_codes(
    db: Database,
    code: str,
    selected: tuple[ColumnElement[bool], ...],
    limit: int,
    work: Callable[[Codes, int], _R],
) -> _R:
    """Compare the code with those of the ``selected`` demandes before ``work`` takes any lock.

    When another call withdraws some of them in between, once more; ERR_WS_050 where that never ends.
    """
    codes = Codes(code)
    for _ in range(_TRIES):
        covered = codes.look_at(_stored_codes(db, selected, limit))
        try:
            return work(codes, covered or limit)
        except WithdrawnMeanwhileError:
            continue
    raise IgcError(Code.BUSY)


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
        .options(load_only(*_OF_DEMANDE), load_only(*_OF_CERTIFICAT))
    ).all()


def _not_requester(session: Session, origin: Origin, index: int) -> IgcError:
    """Who may follow the lot learns why; to everybody else it does not exist."""
    demande = tables.Demande
    visible = session.scalar(select(demande.id).where(demande.id_lot == index, may_follow(origin.acteur)).limit(1))
    return NotFoundError(Code.LOT_UNKNOWN) if visible is None else AccessError(Code.RETRAIT_NOT_REQUESTER)


def _stored_codes(db: Database, selected: Sequence[ColumnElement[bool]], limit: int) -> list[str | None]:
    """The hash of the code of each demande that can be withdrawn, by position; None when it was not withdrawn yet."""
    demande, certificat, code = tables.Demande, tables.Certificat, tables.CodeRevocation
    with db.read() as session:
        return list(
            session.scalars(
                select(code.empreinte)
                .select_from(demande)
                .join(certificat, certificat.id_demande == demande.id)
                .outerjoin(code, code.id == certificat.id_code_revocation)
                .where(*selected)
                .order_by(demande.position)
                .limit(limit)
            )
        )


def _withdraw(
    session: Session, remise: Remise, origin: Origin, rows: Sequence[Any], codes: Codes, now: datetime
) -> list[Retrait]:
    fresh = [row for row in rows if row[0].etat_produit == EtatProduit.A_RETIRER.value]
    _check_repeated(codes, [row for row in rows if row[0].etat_produit == EtatProduit.ACTIF.value])
    if fresh:
        code = tables.CodeRevocation(empreinte=codes.fresh)
        session.add(code)
        session.flush()  # its id stands in the certificates below
        acceptation = record_acceptance(session, origin, remise.textes, now)
        for part in slices(row[0].id for row in fresh):
            session.execute(
                update(tables.Certificat)
                .where(tables.Certificat.id_demande.in_(part))
                .values(retire_le=now, id_code_revocation=code.id, id_acceptation=acceptation)
                .execution_options(synchronize_session=False)
            )
        rights = load_rights(session, origin.acteur)
        transitions.move_by(session, origin, CodeAction.WITHDRAWN, [row[0] for row in fresh], rights, now)
        owe(session, Avis.WITHDRAWN, [row[0].id for row in fresh], now)
        _tell(session, [row[0].id for row in fresh], codes.fresh, remise.textes, now)
    return [_as_retrait(row[0], row[1], remise, now) for row in rows]


def _tell(session: Session, numeros: Sequence[int], empreinte: str, textes: Textes, now: datetime) -> None:
    """Which certificates were withdrawn, with which revocation code (the digest of its hash), accepting which texts."""
    said = {"code": hashlib.sha256(empreinte.encode()).hexdigest()}
    accepted = {texte.nature.value.lower(): [texte.version, texte.empreinte] for texte in (textes.cgu, textes.pc)}
    for told in slices(numeros, TOLD_AT_ONCE):
        note(session, Acte.WITHDRAWN.value, now, {"demandes": told, **said, **accepted}, essential=False)


def _check_repeated(codes: Codes, rows: Sequence[Any]) -> None:
    """A repetition proves itself by the code of the first time."""
    for demande, _, stored in rows:
        if not codes.is_that_of(stored):
            raise ConflictError(
                Code.RETRAIT_FAILED,
                position=demande.position,
                raison=f"la demande n° {demande.id} a déjà été retirée avec un autre code de révocation.",
            )


def _as_retrait(demande: tables.Demande, certificat: tables.Certificat, remise: Remise, now: datetime) -> Retrait:
    der = certificat.der
    if der is None:
        raise RuntimeError("a product without a certificate")
    chain = remise.chains[certificat.autorite]
    return Retrait(
        numero=demande.id,
        index_lot=demande.id_lot,
        position=demande.position,
        reference=demande.reference,
        serial=certificat.serial,
        not_after=certificat.not_after,
        retire_le=certificat.retire_le or now,
        autorite=remise.names[certificat.autorite],
        der=der,
        pkcs7=certs_only(der, chain),
        chain=chain,
    )
