"""The home of an acteur in a few statements, each answered by an index and bounded: cheap among a million demandes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, case, func, literal, literal_column, or_, select, union_all
from sqlalchemy.orm import Session

from registration.acteurs.sight import Parts, Sight
from registration.acteurs.visibility import may_follow
from registration.demandes.queries import as_view, followed_query
from registration.demandes.revocations import count_due, due_first
from registration.revocation_views import Tableau
from registration.values import Acteur
from registration.views import Count, DemandeView, Echeance
from registration.vocabulary import EtatDemande, EtatProduit
from storage import tables
from storage.database import Database
from storage.planning import plan_by_values

MOST = 10_000
"""Beyond it nobody counts: « plus de 10 000 »."""
AT_ONCE = 20_000
"""Ends of a year that are counted in one walk."""
MONTHS = 12
SHOWN = 5
LATELY = timedelta(days=30)

_PARIS = ZoneInfo("Europe/Paris")
_demande = tables.Demande
# In the words of their indexes, which PostgreSQL does not find by a parameter.
_ACTIVE = _demande.etat_produit == literal_column(f"'{EtatProduit.ACTIF.value}'")
_WAITING = (
    _demande.etat == literal_column(f"'{EtatDemande.TRANSMISE.value}'"),
    _demande.etat_produit == literal_column(f"'{EtatProduit.A_RETIRER.value}'"),
)
_UNPROCESSED = _demande.etat == literal_column(f"'{EtatDemande.NON_TRAITEE.value}'")


def read_tableau(db: Database, acteur: Acteur, now: datetime) -> Tableau:
    """What he may follow, and of what waits what he may withdraw, as his rights are now."""
    with db.read() as session:
        sight = Sight(session, acteur)
        plan_by_values(session)
        signed, mine = sight.signed(), sight.actionable()
        followed = or_(*signed) if signed else None
        return Tableau(
            echeances=_echeances(session, signed, now),
            a_retirer=_soonest(session, mine, now),
            a_retirer_en_tout=_count(session, mine, *_WAITING),
            differees=() if followed is None else due_first(session, followed, limit=SHOWN),
            differees_en_tout=_bounded(0 if followed is None else count_due(session, followed, most=MOST + 1)),
            refus=_refused(session, acteur, sight, now),
        )


def months(now: datetime) -> tuple[datetime, ...]:
    """``now``, then the first instant of each of the following months of Paris: what is between two is one month."""
    here = now.astimezone(_PARIS)
    first = here.year * 12 + here.month - 1
    begins = (datetime((first + n) // 12, (first + n) % 12 + 1, 1, tzinfo=_PARIS) for n in range(1, MONTHS + 1))
    return (now, *begins)


def _echeances(session: Session, parts: Parts, now: datetime) -> tuple[Echeance, ...]:
    bounds = months(now)
    found = _by_month(session, parts, bounds, AT_ONCE)
    if sum(found) >= AT_ONCE:  # there may be more: each month is counted for itself, as far as anybody counts
        found = [sum(_by_month(session, parts, bounds[month : month + 2], MOST + 1)) for month in range(MONTHS)]
    days = [bound.astimezone(_PARIS) for bound in bounds]
    return tuple(
        Echeance(annee=days[month].year, mois=days[month].month, compte=_bounded(found[month]))
        for month in range(MONTHS)
    )


def _by_month(session: Session, parts: Parts, bounds: Sequence[datetime], most: int) -> list[int]:
    """How many end between each two of the bounds; of each part ``most`` are looked at."""
    found = [0] * (len(bounds) - 1)
    if not parts:
        return found
    ends = _demande.produit_fin_le
    lasting = (_ACTIVE, ends >= bounds[0], ends < bounds[-1])
    seen = union_all(
        *(select(select(ends).where(part, *lasting).limit(most).subquery().c.produit_fin_le) for part in parts)
    ).subquery()
    end = seen.c.produit_fin_le
    month = case(*((end < bound, rank) for rank, bound in enumerate(bounds[1:])), else_=len(found) - 1).label("month")
    for rank, nombre in session.execute(select(month, func.count()).group_by(month)):
        found[rank] = nombre
    return found


def _soonest(session: Session, parts: Parts, now: datetime) -> tuple[DemandeView, ...]:
    """Those of which the limit is known: what was signed before there was one waits the longest."""
    if not parts:
        return ()
    limit = _demande.limite_retrait
    # An order that no index has: nothing tempts to walk along the limits of everybody.
    order = (func.coalesce(limit, now), _demande.id)
    firsts = [
        select(_demande.id).where(part, *_WAITING, order[0] > now).order_by(*order).limit(SHOWN).subquery()
        for part in parts
    ]
    found = union_all(*(select(first.c.id) for first in firsts))
    query = followed_query().where(_demande.id.in_(found)).order_by(limit, _demande.id).limit(SHOWN)
    return _views(session, query, now)


def _refused(session: Session, acteur: Acteur, sight: Sight, now: datetime) -> tuple[DemandeView, ...]:
    since = _demande.cree_le >= now - LATELY
    (refused,) = sight.demandes(EtatDemande.REJETEE)
    newest = [
        select(_demande.id).where(condition, since).order_by(_demande.id.desc()).limit(SHOWN).subquery()
        for condition in (refused & (_demande.etat == EtatDemande.REJETEE.value), _unprocessed(acteur))
    ]
    found = union_all(*(select(one.c.id) for one in newest))
    query = followed_query().where(_demande.id.in_(found)).order_by(_demande.id.desc()).limit(SHOWN)
    return _views(session, query, now)


def _unprocessed(acteur: Acteur) -> ColumnElement[bool]:
    return _UNPROCESSED & may_follow(acteur)


def _views(session: Session, query: Any, now: datetime) -> tuple[DemandeView, ...]:  # noqa: ANN401 -- of followed_query
    rows: Sequence[Any] = session.connection().execute(query).all()
    return tuple(as_view(row, now) for row in rows)


def _count(session: Session, parts: Parts, *conditions: ColumnElement[bool]) -> Count:
    return _bounded(sum(session.scalar(_counted(part, *conditions)) or 0 for part in parts))


def _counted(*conditions: ColumnElement[bool]) -> Select[int]:
    """How many, counted to one beyond the most."""
    found = select(literal(1).label("one")).select_from(_demande).where(*conditions).limit(MOST + 1).subquery()
    return select(func.count()).select_from(found)


def _bounded(nombre: int) -> Count:
    return Count(nombre=min(nombre, MOST), more=nombre > MOST)
