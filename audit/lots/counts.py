"""The counts that are kept of each lot, against the rows that they count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from audit.context import Audit
from audit.findings import Topic
from audit.reading.rows import pages, snapshot
from storage import tables

_lot, _kept, _demande, _revocation = tables.Lot, tables.LotCompte, tables.Demande, tables.DemandeRevocation
Counts = Counter[tuple[int, str, str]]


def check_counts(audit: Audit) -> None:
    """What a sender is told of his lot is what its demandes are; nothing is kept of a lot that does not exist."""
    for lots, (kept, counted) in pages(audit.db, select(_lot.id), _lot.id, _both):
        for lot in lots:
            states = sorted({key for key in (*kept, *counted) if key[0] == lot.id})
            wrong = [key[1:] for key in states if kept[key] != counted[key]]
            if wrong:
                text = "les nombres gardés ne sont pas ceux des demandes : " + ", ".join(
                    f"{' '.join(filter(None, state))} {kept[lot.id, *state]} au lieu de {counted[lot.id, *state]}"
                    for state in wrong
                )
                audit.report.add(Topic.LOT, f"lot {lot.id}", text)
    with snapshot(audit.db) as session:
        for stray in session.scalars(select(_kept.id_lot).where(_kept.id_lot.not_in(select(_lot.id))).distinct()):
            audit.report.add(Topic.LOT, f"lot {stray}", "des nombres sont gardés d'un lot qui n'existe pas")


def _both(session: Session, lots: Sequence[Any]) -> tuple[Counts, Counts]:
    ids = [lot.id for lot in lots]
    kept = session.execute(
        select(_kept.id_lot, _kept.etat, _kept.etat_produit, _kept.nombre).where(_kept.id_lot.in_(ids))
    )
    counted = session.execute(
        select(_demande.id_lot, _demande.etat, _demande.etat_produit, func.count())
        .where(_demande.id_lot.in_(ids))
        .group_by(_demande.id_lot, _demande.etat, _demande.etat_produit)
    )
    revocations = session.execute(
        select(_revocation.id_lot, _revocation.etat, literal(""), func.count())
        .where(_revocation.id_lot.in_(ids))
        .group_by(_revocation.id_lot, _revocation.etat)
    )
    return _as_counts(kept), _as_counts(counted) + _as_counts(revocations)


def _as_counts(rows: Any) -> Counts:  # noqa: ANN401 -- rows of four columns
    return Counter({(lot, etat, produit or ""): number for lot, etat, produit, number in rows})
