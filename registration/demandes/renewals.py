"""Renewals (guide §8.6): which certificates some forms want to renew, what is taken over, and one at a time of each.

The demande of a product is locked while a renewal of it is registered: of two at the same time the second finds the
first, and a revocation comes before or after. ``ix_demande__renouvelle`` holds whatever forgets to ask.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, literal_column, or_, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from registration.acteurs.visibility import may_act, may_know_of
from registration.demandes.candidates import Candidate
from registration.errors import Code, IgcError
from registration.policy import LotPolicy
from registration.rules.renewal import (
    BySerial,
    Certified,
    Rival,
    champ_of,
    judge_state,
    read_designation,
    settle,
    take_over,
)
from registration.rules.validation import refuse_unread
from registration.rules.view import DirectoryView
from registration.values import Acteur, DemandeForm
from registration.vocabulary import EtatDemande, EtatProduit, EtatRevocation
from storage import tables
from storage.bulk import slices
from storage.database import Database

_demande, _certificat, _revocation = tables.Demande, tables.Certificat, tables.DemandeRevocation
_COLUMNS = (
    _demande.id, _demande.offre, _demande.usage, _demande.id_structure, _demande.id_beneficiaire,
    _demande.service_applicatif, _demande.adresse_email, _demande.fqdns, _demande.upn, _demande.email_acteur,
    _demande.email_informe, _demande.etat, _demande.etat_produit, _demande.contenu,
    _certificat.not_after, _certificat.emis_le, _certificat.revoque_le,
    select(_revocation.effet_le)
    .where(_revocation.id_demande == _demande.id, _revocation.etat == EtatRevocation.VALIDEE.value)
    .correlate(_demande)
    .scalar_subquery()
    .label("revocation_le"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Renewal:
    """One form that renews; ``certified`` is what it renews, ``faults`` why nothing could be found for it."""

    written: DemandeForm
    certified: Certified | None
    faults: tuple[IgcError, ...] = ()


@dataclass(frozen=True, slots=True)
class Renewals:
    """Some forms, those that renew filled with what was certified; ``found`` are these by their rank."""

    forms: Sequence[DemandeForm]
    found: Mapping[int, _Renewal] = field(default_factory=dict)

    def contenu_of(self, rank: int) -> dict[str, Any] | None:
        """The stored content of the certificate that the form at this rank renews; None when it renews none."""
        renewal = self.found.get(rank)
        return None if renewal is None or renewal.certified is None else renewal.certified.contenu


def read_renewals(
    session: Session, acteur: Acteur, forms: Sequence[DemandeForm], policy: LotPolicy, *, lock: bool = False
) -> Renewals:
    """Fill the forms that renew. ``lock`` the demandes of their products until the transaction ends, in their order."""
    ranks = [rank for rank, form in enumerate(forms) if form.renews]
    if not ranks:
        return Renewals(forms)
    named = {rank: read_designation(forms[rank], policy.issuers) for rank in ranks}
    by_serial = _numeros_of(session, [each for each in named.values() if isinstance(each, BySerial)])
    numeros = {
        rank: by_serial.get(each, 0) if isinstance(each, BySerial) else each
        for rank, each in named.items()
        if not isinstance(each, list)
    }
    certified = _read_certified(session, acteur, set(numeros.values()), lock=lock)
    filled, found = list(forms), dict[int, _Renewal]()
    for rank in ranks:
        form, faults = forms[rank], named[rank]
        product = certified.get(numeros.get(rank, 0))
        if isinstance(faults, list):
            found[rank] = _Renewal(form, None, tuple(faults))
        elif product is None:
            found[rank] = _Renewal(form, None, (IgcError(Code.DEMANDE_UNKNOWN, champ=champ_of(form)),))
        else:
            found[rank] = _Renewal(form, product)
            filled[rank] = take_over(form, product)
    return Renewals(filled, found)


def complete(db: Database, acteur: Acteur, forms: Sequence[DemandeForm], now: datetime, policy: LotPolicy) -> bool:
    """``LotPolicy.complete`` for whom the forms name, and those that they renew; before the transaction."""
    if policy.completion is not None and any(form.renews for form in forms):
        with db.read() as session:
            forms = read_renewals(session, acteur, forms, policy).forms
    return policy.complete(acteur, forms, now)


def judge_renewals(
    renewals: Renewals, candidates: Sequence[Candidate], view: DirectoryView, now: datetime, policy: LotPolicy
) -> None:
    """Give the candidates that renew the verdict on that, before they claim anything."""
    for rank, renewal in renewals.found.items():
        candidate, certified = candidates[rank], renewal.certified
        if certified is None:
            candidate.verdict = refuse_unread(view.acteur, renewal.written, renewal.faults)
            continue
        candidate.renouvelle = certified.numero
        state = judge_state(certified, now, policy.renewal_window, champ_of(renewal.written))
        candidate.verdict = settle(candidate.verdict, certified, state, view.origin.canal)


def refuse_rivals(
    session: Session,
    renewals: Renewals,
    candidates: Sequence[Candidate],
    taken: dict[int, int],
    *,
    id_lot: int | None = None,
    first_position: int = 1,
) -> None:
    """Refuse (ERR_WS_045) who renews what has a renewal, an item before it in the lot included.

    ``taken`` are the positions in the lot by numero of the product: it grows with every candidate that is accepted.
    """
    accepted = [rank for rank in renewals.found if not candidates[rank].refusals]
    stored = _rivals(session, {numero for rank in accepted if (numero := candidates[rank].renouvelle)}, id_lot)
    for rank in accepted:
        candidate = candidates[rank]
        numero = candidate.renouvelle or 0
        rival = stored.get(numero)
        if numero in taken:
            rival = Rival(None, EtatDemande.ENREGISTREE, taken[numero])
        if rival is None:
            taken[numero] = first_position + rank
        else:
            candidate.refuse(rival.refusal(champ_of(renewals.found[rank].written)))


def renews_still(demande: type[tables.Demande]) -> ColumnElement[bool]:
    """``tables.demandes.RENEWS_STILL`` of a demande or an alias of it, in constants, so that its index serves."""
    open_ = (EtatDemande.ENREGISTREE, EtatDemande.VALIDEE, EtatDemande.TRANSMISE)
    return and_(
        demande.renouvelle.is_not(None),
        or_(
            demande.etat.in_([_constant(etat) for etat in open_]),
            and_(demande.etat == _constant(EtatDemande.CLOSE), demande.etat_produit == _constant(EtatProduit.ACTIF)),
        ),
    )


def _constant(value: EtatDemande | EtatProduit) -> ColumnElement[str]:
    return literal_column(f"'{value.value}'")


def _numeros_of(session: Session, named: Sequence[BySerial]) -> dict[BySerial, int]:
    """The demande of each certificate that is named by authority and serial."""
    pairs = {(autorite, each.serial): each for each in named for autorite in each.autorites}
    found: dict[BySerial, int] = {}
    for part in slices(pairs, 400):
        rows = session.execute(
            select(_certificat.autorite, _certificat.serial, _certificat.id_demande).where(
                tuple_(_certificat.autorite, _certificat.serial).in_(part), _certificat.id_demande.is_not(None)
            )
        )
        found.update((pairs[autorite, serial], numero) for autorite, serial, numero in rows if numero is not None)
    return found


def _read_certified(session: Session, acteur: Acteur, numeros: set[int], *, lock: bool) -> dict[int, Certified]:
    """Those that exist for the acteur, by numero."""
    query = (
        select(*_COLUMNS, may_act(acteur).label("may_act"))
        .outerjoin(_certificat, _certificat.id_demande == _demande.id)
        .order_by(_demande.id)
    )
    if lock:
        query = query.with_for_update(of=_demande, key_share=True)
    found: dict[int, Certified] = {}
    for part in slices(sorted(numeros)):
        rows = session.execute(query.where(_demande.id.in_(part), may_know_of(acteur)))
        found.update((row.id, _as_certified(row)) for row in rows)
    return found


def _as_certified(row: Any) -> Certified:  # noqa: ANN401 -- a Row of _COLUMNS
    fields = {
        "offre": row.offre,
        "usage": row.usage,
        "structure": row.id_structure,
        "beneficiaire": row.id_beneficiaire,
        "service_applicatif": row.service_applicatif,
        "adresse_email": row.adresse_email,
        "fqdns": tuple(json.loads(row.fqdns)) if row.fqdns else (),
        "upn": row.upn,
        "email_acteur": row.email_acteur,
        "email_informe": row.email_informe,
    }
    return Certified(
        numero=row.id,
        fields=fields,
        etat=EtatDemande(row.etat),
        etat_produit=None if row.etat_produit is None else EtatProduit(row.etat_produit),
        not_after=None if row.emis_le is None else row.not_after,
        revoque_le=row.revoque_le,
        revocation_le=row.revocation_le,
        may_act=bool(row.may_act),
        contenu=row.contenu,
    )


def _rivals(session: Session, numeros: set[int], id_lot: int | None) -> dict[int, Rival]:
    renouvelle: InstrumentedAttribute[int | None] = _demande.renouvelle
    found: dict[int, Rival] = {}
    for part in slices(sorted(numeros)):
        rows = session.execute(
            select(renouvelle, _demande.id, _demande.etat, _demande.id_lot, _demande.position).where(
                renouvelle.in_(part), renews_still(_demande)
            )
        )
        for product, numero, etat, lot, position in rows:
            same = lot is not None and lot == id_lot
            found[product or 0] = Rival(numero, EtatDemande(etat), position if same else None)
    return found
