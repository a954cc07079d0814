"""Every lot against its demandes, and the counters against what was numbered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit.context import Audit
from audit.findings import Topic
from audit.reading.rows import snapshot
from audit.trail.operators.acteurs import Acteurs
from storage import tables

_ORPHANS_TOLD = 500
_NOBODY = 0
_demande, _lot, _page, _compteur = tables.Demande, tables.Lot, tables.LotPage, tables.Compteur
_revocation = tables.DemandeRevocation
_COLUMNS = (
    _lot.id, _lot.id_acteur, _lot.id_administrateur, _lot.plateforme, _lot.nombre, _lot.nature, _lot.depose_le,
    _lot.annule_administrateur, _lot.annule_le,
)  # fmt: skip


def check_lots(audit: Audit) -> None:
    """Look at all lots and counters, whatever the scope: a few statements for the whole of them."""
    audit.meter.start("Lots", 1)
    with snapshot(audit.db) as session:
        lots = session.execute(select(*_COLUMNS)).all()
        found = [*_lot_faults(session, lots), *_counter_faults(session)]
    for_others = [lot for lot in lots if lot.id_administrateur is not None or lot.annule_administrateur is not None]
    if for_others:
        found += _strangers(Acteurs(audit), for_others)
    for subject, text in found:
        audit.report.add(Topic.HISTORY, subject, text)
    audit.report.checked["lots"] += len(lots)
    audit.meter.advance()


def _lot_faults(session: Session, lots: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 -- rows
    members = {"CERTIFICATS": _members(session, _demande), "REVOCATIONS": _members(session, _revocation)}
    waiting: Mapping[int, int] = {
        row.id_lot: int(row.items)
        for row in session.execute(select(_page.id_lot, func.sum(_page.nombre).label("items")).group_by(_page.id_lot))
    }
    for lot in lots:
        found = members.get(lot.nature, {}).get(lot.id)
        for nature, others in members.items():
            if nature != lot.nature and lot.id in others:
                yield f"lot n° {lot.id}", f"lot de {lot.nature}, avec des éléments d'une autre nature"
        there = waiting.get(lot.id, 0) + (found.items if found else 0)
        if there != lot.nombre or (found is not None and not 1 <= found.first <= found.last <= lot.nombre):
            yield f"lot n° {lot.id}", f"déposé avec {lot.nombre} demande(s), la base en a {there}, ou à d'autres places"
        if found is not None and {found.acteur, found.other_acteur} != {lot.id_acteur}:
            yield f"lot n° {lot.id}", "son acteur n'est pas celui de ses demandes"
        administrateur = lot.id_administrateur or _NOBODY
        if found is not None and {found.administrateur, found.other_administrateur} != {administrateur}:
            yield f"lot n° {lot.id}", "qui l'a déposé pour son acteur n'est pas qui a placé ses demandes"
        # One that differs from the others is told with its certificate.
        if found is not None and found.plateforme == found.other_plateforme != lot.plateforme:
            yield f"lot n° {lot.id}", "sa plateforme n'est pas celle de ses demandes"
    alone = select(_demande.id).where(_demande.canal == "WS", _demande.id_lot.is_(None)).limit(_ORPHANS_TOLD)
    for numero in session.scalars(alone):
        yield f"demande n° {numero}", "déposée par le service web, et d'aucun lot"


def _strangers(acteurs: Acteurs, lots: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 -- rows
    """Whoever deposited or cancelled a lot in the place of its acteur was named then."""
    for lot in lots:
        for ident, date, what in (
            (lot.id_administrateur, lot.depose_le, "déposé"),
            (lot.annule_administrateur, lot.annule_le, "annulé"),
        ):
            if ident is not None and (date is None or not acteurs.could_act_for_others(ident, date)):
                yield f"lot n° {lot.id}", f"{what} pour un tiers par qui ne pouvait pas agir pour un tiers"


def _members(session: Session, item: type[tables.Demande | tables.DemandeRevocation]) -> Mapping[int, Any]:
    query = (
        select(
            item.id_lot,
            func.count().label("items"),
            func.min(item.position).label("first"),
            func.max(item.position).label("last"),
            func.min(item.id_acteur).label("acteur"),
            func.max(item.id_acteur).label("other_acteur"),
            func.min(func.coalesce(item.id_administrateur, _NOBODY)).label("administrateur"),
            func.max(func.coalesce(item.id_administrateur, _NOBODY)).label("other_administrateur"),
            func.min(item.plateforme).label("plateforme"),
            func.max(item.plateforme).label("other_plateforme"),
        )
        .where(item.id_lot.is_not(None))
        .group_by(item.id_lot)
    )
    return {row.id_lot: row for row in session.execute(query)}


def _counter_faults(session: Session) -> Iterator[tuple[str, str]]:
    counters = {row.nom: row.prochain for row in session.execute(select(_compteur.nom, _compteur.prochain))}
    for nom, column in (("demande", _demande.id), ("demande", _revocation.id), ("lot", _lot.id)):
        last = session.scalar(select(func.max(column))) or 0
        if nom not in counters:
            yield f"numéros de {nom}", "leur compteur a disparu"
        elif counters[nom] <= last:
            yield f"numéros de {nom}", f"le compteur en est à {counters[nom]}, le n° {last} est donné"
