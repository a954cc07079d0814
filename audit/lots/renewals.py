"""Every renewal against the product that it renews: what was taken over, when, and one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from audit.context import Audit
from audit.findings import Topic
from audit.reading.rows import snapshot
from storage import tables

_ASKED = "ACT_RNV_001"
_GRACE = timedelta(days=10)
# Canals and workers may run on machines whose clocks differ.
_CLOCKS = timedelta(minutes=5)
_TOLD = 500
_TAKEN_OVER = (
    "plateforme", "offre", "usage", "id_structure", "id_beneficiaire", "service_applicatif", "adresse_email", "fqdns",
    "upn",
)  # fmt: skip
_new, _old = tables.Demande, aliased(tables.Demande)
_certificat, _historique = tables.Certificat, tables.Historique
_accepted = and_(_new.renouvelle.is_not(None), _new.contenu.is_not(None))


def check_renewals(audit: Audit) -> None:
    """Look at all renewals, whatever the scope: a few statements for the whole of them."""
    audit.meter.start("Renouvellements", 1)
    with snapshot(audit.db) as session:
        total = session.scalar(select(func.count()).select_from(_new).where(_new.renouvelle.is_not(None))) or 0
        found = [*_link_faults(session), *_rival_faults(session), *_history_faults(session)] if total else []
    for numero, text in found:
        audit.report.add(Topic.HISTORY, f"demande n° {numero}", text)
    audit.report.checked["renouvellements"] += total
    audit.meter.advance()


def _link_faults(session: Session) -> Iterator[tuple[int, str]]:
    differs = or_(*(getattr(_new, name).is_distinct_from(getattr(_old, name)) for name in _TAKEN_OVER))
    query = (
        select(
            _new.id, _new.renouvelle, _new.cree_le, _certificat.not_after, _certificat.retire_le,
            _certificat.revoque_le, differs.label("differs"),
        )
        .outerjoin(_old, _old.id == _new.renouvelle)
        .outerjoin(_certificat, _certificat.id_demande == _new.renouvelle)
        .where(_accepted)
        .order_by(_new.id)
    )  # fmt: skip
    for row in session.execute(query.execution_options(yield_per=1_000)):
        yield from ((row.id, text) for text in _faults_of(row))


def _faults_of(row: Any) -> Iterator[str]:  # noqa: ANN401 -- a Row
    if row.renouvelle >= row.id:
        yield f"renouvelle la demande n° {row.renouvelle}, qui n'est pas d'avant"
    if row.differs:
        yield f"renouvelle la demande n° {row.renouvelle}, et son produit n'est pas le même"
    if row.retire_le is None or row.retire_le > row.cree_le + _CLOCKS:
        yield f"renouvelle la demande n° {row.renouvelle}, dont le certificat n'était pas retiré"
    elif row.cree_le > row.not_after + _GRACE:
        yield f"renouvelle la demande n° {row.renouvelle} après la fin de sa fenêtre"
    if row.revoque_le is not None and row.revoque_le < row.cree_le - _CLOCKS:
        yield f"renouvelle la demande n° {row.renouvelle}, dont le certificat était révoqué"


def _rival_faults(session: Session) -> Iterator[tuple[int, str]]:
    still = or_(
        _new.etat.in_(("ENREGISTREE", "VALIDEE", "TRANSMISE")),
        and_(_new.etat == "CLOSE", _new.etat_produit == "ACTIF"),
    )
    query = (
        select(_new.renouvelle, func.count().label("nombre"))
        .where(_new.renouvelle.is_not(None), still)
        .group_by(_new.renouvelle)
        .having(func.count() > 1)
        .limit(_TOLD)
    )
    for row in session.execute(query):
        yield row.renouvelle or 0, f"{row.nombre} renouvellements à la fois"


def _history_faults(session: Session) -> Iterator[tuple[int, str]]:
    """Each renewal that the rules accepted is a line in the history of what it renews."""
    asked = _counts(
        session,
        select(_historique.id_demande, func.count())
        .where(_historique.code_action == _ASKED)
        .group_by(_historique.id_demande),
    )
    linked = _counts(session, select(_new.renouvelle, func.count()).where(_accepted).group_by(_new.renouvelle))
    for numero in sorted(filter(None, asked.keys() | linked.keys())):
        lines, renewals = asked.get(numero, 0), linked.get(numero, 0)
        if lines != renewals:
            yield numero, f"{renewals} renouvellement(s), et {lines} ligne(s) d'historique qui le disent"


def _counts(session: Session, query: Any) -> dict[int, int]:  # noqa: ANN401 -- a Select of a numero and a number
    return {row[0]: row[1] for row in session.execute(query)}
