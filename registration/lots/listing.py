"""The lots that an acteur may follow, newest first: his own, and those with something that he administers or bears.

The same lots as ``follow_up.follow_lot`` shows. Nothing of the cost depends on how many demandes there are: lots are
found by their sender, by structure (``life/lot_structures``), and by the few certificates that a person bears.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Select, and_, exists, select, union
from sqlalchemy.orm import Session, aliased

from registration.acteurs.rights import load_perimeter
from registration.lots.follow_up import Counts, as_counts, as_follow_up, visible_counts
from registration.values import Acteur
from registration.views import LotFollowUp, LotLine, LotsPage
from registration.vocabulary import NatureLot, TypeActeurInscrit
from storage import tables
from storage.among import among
from storage.database import Database
from storage.planning import plan_by_values

COUNTED = 20_000
"""Items of the lots of others that are counted for one page, at the most: for them no counts are kept."""

_lot, _kept, _of, _demande, _revocation = (
    tables.Lot,
    tables.LotCompte,
    tables.LotStructure,
    tables.Demande,
    tables.DemandeRevocation,
)
_natured = aliased(tables.Lot)


def list_lots(
    db: Database, acteur: Acteur, *, nature: NatureLot | None = None, after: int | None = None, limit: int
) -> LotsPage:
    """A page of them below the index ``after``; of his own lots all is counted, of others what he may follow."""
    with db.read() as session:
        plan_by_values(session)
        found = union(*(_bounded(query, nature, after, limit + 1) for query in _ways(session, acteur))).subquery()
        query = (
            select(_lot, tables.Acteur.libelle)
            .join(tables.Acteur, tables.Acteur.id == _lot.id_acteur)
            .where(_lot.id.in_(select(found.c.id)))
            .order_by(_lot.id.desc())
            .limit(limit + 1)
        )
        rows = session.execute(query).all()
        shown = rows[:limit]
        followed = _followed(session, acteur, [lot for lot, _ in shown])
    lines = tuple(
        LotLine(
            index=lot.id,
            reference=lot.reference,
            nature=NatureLot(lot.nature),
            depose_le=lot.depose_le,
            deposant=libelle,
            mine=lot.id_acteur == acteur.id,
            suivi=followed.get(lot.id),
        )
        for lot, libelle in shown
    )
    return LotsPage(lots=lines, next_after=lines[-1].index if len(rows) > limit else None)


def _ways(session: Session, acteur: Acteur) -> Iterator[Select[Any]]:
    """To each lot at least one way: selects of one column, the indexes of lots."""
    yield select(_lot.id).where(_lot.id_acteur == acteur.id, _lot.plateforme == acteur.plateforme.value)
    for offres, structures in load_perimeter(session, acteur).by_offres.items():
        yield select(_of.id_lot).where(
            _of.plateforme == acteur.plateforme.value,
            among(_of.id_structure, structures),
            _of.offre.in_(sorted(offre.value for offre in offres)),
        )
    if acteur.type_acteur is TypeActeurInscrit.PERSONNE and acteur.id_national is not None:
        borne = and_(
            _demande.plateforme == acteur.plateforme.value,
            _demande.id_beneficiaire == acteur.id_national,
            _demande.contenu.is_not(None),
        )
        yield select(_demande.id_lot).where(borne, _demande.id_lot.is_not(None))
        yield (
            select(_revocation.id_lot)
            .join(_demande, _demande.id == _revocation.id_demande)
            .where(borne, _revocation.id_lot.is_not(None))
        )


def _bounded(query: Select[Any], nature: NatureLot | None, after: int | None, limit: int) -> Select[int]:
    """The newest that a way leads to."""
    (column,) = query.selected_columns
    if after is not None:
        query = query.where(column < after)
    if nature is not None:
        query = query.where(exists().where(_natured.id == column, _natured.nature == nature.value))
    newest = query.distinct().order_by(column.desc()).limit(limit).subquery()
    return select(newest.c[0].label("id"))


def _followed(session: Session, acteur: Acteur, lots: Sequence[tables.Lot]) -> dict[int, LotFollowUp]:
    mine = [lot for lot in lots if lot.id_acteur == acteur.id]
    kept: dict[int, list[Any]] = {lot.id: [] for lot in mine}
    columns = select(_kept.id_lot, _kept.etat, _kept.etat_produit, _kept.nombre, _kept.modifie_le)
    for index, *row in session.execute(columns.where(_kept.id_lot.in_(kept))):
        kept[index].append(row)
    found: dict[int, LotFollowUp] = {}
    for lot in mine:
        counts, modified = as_counts(kept[lot.id])
        found[lot.id] = as_follow_up(lot, counts, lot.nombre, lot.nombre - _sum(counts), modified or lot.depose_le)
    left = COUNTED
    for lot in lots:
        if lot.id not in found and lot.nombre <= left:
            left -= lot.nombre
            counts, modified = as_counts(visible_counts(session, acteur, lot))
            if counts:
                found[lot.id] = as_follow_up(lot, counts, _sum(counts), 0, modified or lot.depose_le)
    return found


def _sum(counts: Counts) -> int:
    return sum(counts.values())
