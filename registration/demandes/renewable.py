"""What is to renew (guide §8.6): across all structures of the acteur, what is in the window and has no renewal yet."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from registration.acteurs.sight import Sight
from registration.acteurs.visibility import may_act
from registration.demandes.queries import as_view, view_query
from registration.demandes.renewals import renews_still
from registration.errors import Code, IgcError
from registration.policy import LotPolicy
from registration.rules.renewal import GRACE
from registration.values import Acteur
from registration.views import DemandePage, RenewalCriteria
from registration.vocabulary import EtatProduit
from storage import tables
from storage.database import Database

_demande, _certificat = tables.Demande, tables.Certificat
_renewal = aliased(tables.Demande)
_FEW = 40
"""Up to so many structures it is cheaper to look at all their products than at all certificates of the window."""


def list_to_renew(
    db: Database,
    acteur: Acteur,
    criteria: RenewalCriteria,
    now: datetime,
    policy: LotPolicy,
    *,
    after: int | None,
    limit: int,
) -> DemandePage:
    """The products that the acteur may ask for now and whose certificates may be renewed now, what ends first first.

    ``after`` is the numero of the last one of the page before; ERR_WS_038 when it cannot have been one. What has a
    renewal on its way, or withdrawn and active, is not among them.
    """
    ahead = policy.renewal_window
    if criteria.jours is not None:
        ahead = min(ahead, timedelta(days=criteria.jours))
    ends = _ending(now - GRACE, now + ahead)
    query = _narrowed(view_query(acteur).where(*ends), criteria)
    with db.view() as moment:
        sight = Sight(moment.session, acteur)
        query = query.where(sight.askable())
        if sight.structures() <= _FEW:
            query = query.where(_demande.id.in_(_of_few(sight.askable(), ends)))
        if after is not None:
            query = _beyond(query, moment.session, acteur, after)
        query = query.order_by(_certificat.not_after, _certificat.id_demande).limit(limit + 1)
        rows = moment.session.connection().execute(query).all()
    views = tuple(as_view(row, now) for row in rows[:limit])
    return DemandePage(demandes=views, next_after=views[-1].numero if len(rows) > limit else None)


def _ending(first: datetime, last: datetime) -> tuple[ColumnElement[bool], ...]:
    """Certificates that are withdrawn, not revoked, and end between the two, in the words of their index."""
    return (
        _certificat.retire_le.is_not(None),
        _certificat.revoque_le.is_(None),
        _certificat.not_after >= first,
        _certificat.not_after <= last,
    )


def _of_few(askable: ColumnElement[bool], ends: tuple[ColumnElement[bool], ...]) -> Any:  # noqa: ANN401 -- a Select of a numero
    """Of who may ask for little the demandes whose certificates end so.

    It only has the database begin with what is his, where it would look at every certificate of the window, of whatever
    structure, for the few that are.
    """
    active = _demande.etat_produit == EtatProduit.ACTIF.value
    mine = select(_demande.id).where(askable, active).cte("mine").prefix_with("MATERIALIZED", dialect="postgresql")
    ending = select(mine.c.id).join(_certificat, _certificat.id_demande == mine.c.id).where(*ends)
    return select(ending.cte("ending").prefix_with("MATERIALIZED", dialect="postgresql").c.id)


def _narrowed(query: Any, criteria: RenewalCriteria) -> Any:  # noqa: ANN401 -- a Select of many columns
    query = query.where(
        _demande.etat_produit == EtatProduit.ACTIF.value,
        ~exists().where(_renewal.renouvelle == _demande.id, renews_still(_renewal)),
    )
    exact = (
        (_demande.offre, criteria.offre),
        (_demande.usage, criteria.usage),
        (_demande.id_structure, criteria.structure),
    )
    for column, value in exact:
        if value is not None:
            query = query.where(column == value)
    return query


def _beyond(query: Any, session: Session, acteur: Acteur, after: int) -> Any:  # noqa: ANN401 -- as above
    """Behind that product in the order of the list; its place is read again, for it never moves."""
    end = session.scalar(
        select(_certificat.not_after)
        .join(_demande, _demande.id == _certificat.id_demande)
        .where(_certificat.id_demande == after, may_act(acteur))
    )
    if end is None:
        raise IgcError(Code.CRITERIA_INVALID, champ="aPartirDe", raison="aPartirDe n'est pas la suite d'une page.")
    same = and_(_certificat.not_after == end, _certificat.id_demande > after)
    return query.where(_certificat.not_after >= end, or_(_certificat.not_after > end, same))
