"""Follow a lot as a whole, and list its demandes. Nothing is written."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from registration.acteurs.visibility import may_follow
from registration.demandes.queries import as_view, beyond, view_query
from registration.demandes.revocations import count_of_lot
from registration.errors import Code, IgcError, NotFoundError
from registration.rules.cutting import check_nature
from registration.rules.states import PENDING
from registration.values import Acteur
from registration.views import DemandePage, LotFollowUp
from registration.vocabulary import EtatDemande, EtatLot, EtatProduit, NatureLot
from storage import tables
from storage.counts import NO_PRODUIT
from storage.database import Database
from storage.moments import Moment, Prepared

Counts = dict[tuple[str, str], int]
"""By etat of the demandes and etat of their produits, ``counts.NO_PRODUIT`` where there is none."""

_ETATS = tuple((etat, etat.value) for etat in EtatDemande)
_ENREGISTREE, _TRANSMISE = EtatDemande.ENREGISTREE.value, EtatDemande.TRANSMISE.value
_PENDING = {
    nature.value: [(etat.value, produit.value if produit else NO_PRODUIT) for etat, produit in states]
    for nature, states in PENDING.items()
}
_lot, _kept, _demande = tables.Lot, tables.LotCompte, tables.Demande
# Made once, and of columns only: this is what most calls ask for.
_LOT = select(
    _lot.id, _lot.id_acteur, _lot.nature, _lot.reference, _lot.nombre, _lot.depose_le,
    _kept.etat, _kept.etat_produit, _kept.nombre.label("compte"), _kept.modifie_le,
).outerjoin(_kept, _kept.id_lot == _lot.id).where(_lot.plateforme == bindparam("plateforme"))  # fmt: skip
_BY_INDEX = Prepared(_LOT.where(_lot.id == bindparam("index")))
_BY_REFERENCE = Prepared(_LOT.where(_lot.id_acteur == bindparam("acteur"), _lot.reference == bindparam("reference")))

_COUNTS_OF = select(_kept.id_lot, _kept.etat, _kept.etat_produit, _kept.nombre, _kept.modifie_le).where(
    _kept.id_lot.in_(bindparam("indexes", expanding=True))
)


def follow_lot(db: Database, acteur: Acteur, *, index: int | None = None, reference: str | None = None) -> LotFollowUp:
    """Progress of a lot, by exactly one of index and reference.

    Its sender gets the counts of all of it, whatever his rights are now; others of what they may follow.
    """
    if (index is None) == (reference is None):
        raise IgcError(Code.CRITERIA_INVALID, raison="indiquez soit indexLot, soit reference.")
    with db.view() as moment:
        rows = _find(moment, acteur, index, reference)
        lot = rows[0]
        if lot.id_acteur == acteur.id:
            counts, modified = as_counts((row.etat, row.etat_produit, row.compte, row.modifie_le) for row in rows)
            nombre = lot.nombre
        else:
            counts, modified = as_counts(visible_counts(moment.session, acteur, lot))
            nombre = sum(counts.values())
    if nombre == 0:
        raise NotFoundError(Code.LOT_UNKNOWN)
    return as_follow_up(lot, counts, nombre, nombre - sum(counts.values()), modified or lot.depose_le)


def marks(db: Database, indexes: Collection[int]) -> dict[int, str]:
    """Of each lot what its counts are now, as a text that is the same as long as they are; empty while it has none.

    No right is asked: for lots that ``follow_lot`` has shown, and to nobody else but who compares.
    """
    with db.read() as session:
        rows = session.connection().execute(_COUNTS_OF, {"indexes": list(indexes)}).all()
    found: dict[int, list[str]] = {index: [] for index in indexes}
    for index, *counts in rows:
        found[index].append(repr(counts))
    return {index: "".join(sorted(counts)) for index, counts in found.items()}


def _find(moment: Moment, acteur: Acteur, index: int | None, reference: str | None) -> Sequence[Any]:
    """The lot on a row for each state that any of its demandes is or was in, or on one."""
    plateforme = acteur.plateforme.value
    if index is None:
        rows = moment.rows(_BY_REFERENCE, plateforme=plateforme, acteur=acteur.id, reference=reference)
    else:
        rows = moment.rows(_BY_INDEX, plateforme=plateforme, index=index)
    if not rows:
        raise NotFoundError(Code.LOT_UNKNOWN)
    return rows


def find_visible(moment: Moment, acteur: Acteur, index: int) -> Any:  # noqa: ANN401 -- a Row of _LOT
    """A lot of which the acteur may see something; NotFoundError (ERR_WS_031) else."""
    lot = _find(moment, acteur, index, None)[0]
    _check_any_visible(moment.session, acteur, lot)
    return lot


def _check_any_visible(session: Session, acteur: Acteur, lot: Any) -> None:  # noqa: ANN401 -- a Row of _LOT
    """Whatever the page and the etat asked for, a lot of which nothing is visible does not exist."""
    if lot.id_acteur != acteur.id and not visible_counts(session, acteur, lot):
        raise NotFoundError(Code.LOT_UNKNOWN)


def visible_counts(session: Session, acteur: Acteur, lot: Any) -> Sequence[Any]:  # noqa: ANN401 -- a Row of _LOT
    """(etat, etat of the produit, how many, last change) of what the acteur may follow of a lot."""
    if lot.nature == NatureLot.REVOCATIONS.value:
        return count_of_lot(session, acteur, lot.id)
    return session.execute(
        select(_demande.etat, _demande.etat_produit, func.count(), func.max(_demande.modifie_le))
        .where(_demande.id_lot == lot.id, may_follow(acteur))
        .group_by(_demande.etat, _demande.etat_produit)
    ).all()


def as_counts(rows: Iterable[Any]) -> tuple[Counts, datetime | None]:
    """How many demandes are in which state, and when one last changed."""
    counts: Counts = {}
    latest: datetime | None = None
    for etat, produit, count, modified in rows:
        if count:
            counts[etat, produit or NO_PRODUIT] = count
        if modified is not None:
            latest = modified if latest is None else max(latest, modified)
    return counts, latest


def as_follow_up(lot: Any, counts: Counts, nombre: int, waiting: int, modified: datetime) -> LotFollowUp:  # noqa: ANN401 -- a Row of _LOT
    """The progress of a lot of which ``nombre`` are looked at, ``waiting`` of them not registered yet."""
    sums = {value: 0 for _, value in _ETATS}
    for (etat, _), count in counts.items():
        sums[etat] += count
    sums[_ENREGISTREE] += waiting
    pending = waiting + sum(counts.get(state, 0) for state in _PENDING[lot.nature])
    stamp = repr((waiting, sorted((*state, count) for state, count in counts.items())))
    return LotFollowUp(
        index=lot.id,
        reference=lot.reference,
        etat=EtatLot.EN_COURS if pending else EtatLot.TERMINE,
        nombre=nombre,
        counts={etat: sums[value] for etat, value in _ETATS},
        a_retirer=counts.get((_TRANSMISE, EtatProduit.A_RETIRER.value), 0),
        depose_le=lot.depose_le,
        modifie_le=modified,
        nature=NatureLot(lot.nature),
        version=hashlib.sha256(stamp.encode()).hexdigest()[:16],
    )


def list_lot(
    db: Database, acteur: Acteur, index: int, now: datetime, *, etat: EtatDemande | None, after: int, limit: int
) -> DemandePage:
    """The demandes of a lot by position; those of a large lot appear as the batch registers them.

    Its sender gets every one, without details where he may not follow it; others those they may follow.
    """
    demande = tables.Demande
    with db.view() as moment:
        session = moment.session
        lot = _find(moment, acteur, index, None)[0]
        if lot.nature != NatureLot.CERTIFICATS.value:
            _check_any_visible(session, acteur, lot)
            check_nature(index, lot.nature, NatureLot.CERTIFICATS)
        query = view_query(acteur).where(demande.id_lot == lot.id, beyond(after))
        if lot.id_acteur != acteur.id:
            query = query.where(may_follow(acteur))
        if etat is not None:
            query = query.where(demande.etat == etat.value)
        rows = session.connection().execute(query.order_by(demande.position).limit(limit + 1)).all()
        if not rows:
            _check_any_visible(session, acteur, lot)
    views = tuple(as_view(row, now) for row in rows[:limit])
    return DemandePage(demandes=views, next_after=views[-1].position if len(rows) > limit else None)
