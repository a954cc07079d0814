"""What is to renew (guide §8.6): across all structures of the acteur, what is in the window and has no renewal yet."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, literal_column, or_, select
from sqlalchemy.orm import Session, aliased

from registration.acteurs.sight import Sight
from registration.acteurs.visibility import may_act
from registration.demandes.queries import as_view, followed_query
from registration.demandes.renewals import renews_still
from registration.errors import Code, IgcError
from registration.policy import LotPolicy
from registration.rules.renewal import GRACE
from registration.values import Acteur
from registration.views import DemandePage, RenewalCriteria
from registration.vocabulary import EtatProduit
from storage import tables
from storage.database import Database
from storage.planning import plan_by_values

_demande = tables.Demande
_renewal = aliased(tables.Demande)


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
    conditions = [*_ending(now - GRACE, now + ahead), *_named(criteria)]
    with db.view() as moment:
        session = moment.session
        conditions.append(Sight(session, acteur).askable())
        if after is not None:
            conditions.append(_beyond(session, acteur, after))
        plan_by_values(session)
        # All that it asks stands in one index, in this order: no other product of the window is looked at.
        found = select(_demande.id).where(*conditions).order_by(_demande.produit_fin_le, _demande.id).limit(limit + 1)
        query = followed_query().where(_demande.id.in_(found)).order_by(_demande.produit_fin_le, _demande.id)
        rows = session.connection().execute(query).all()
    views = tuple(as_view(row, now) for row in rows[:limit])
    return DemandePage(demandes=views, next_after=views[-1].numero if len(rows) > limit else None)


def _ending(first: datetime, last: datetime) -> list[ColumnElement[bool]]:
    """Certificates that are withdrawn, not revoked, and end between the two, in the words of their index."""
    return [
        _demande.etat_produit == literal_column(f"'{EtatProduit.ACTIF.value}'"),
        _demande.produit_fin_le >= first,
        _demande.produit_fin_le <= last,
    ]


def _named(criteria: RenewalCriteria) -> list[ColumnElement[bool]]:
    """What is asked for, and has no renewal."""
    exact = (
        (_demande.offre, criteria.offre),
        (_demande.usage, criteria.usage),
        (_demande.id_structure, criteria.structure),
        (_demande.id_beneficiaire, criteria.beneficiaire),
    )
    found = [column == value for column, value in exact if value is not None]
    return [*found, ~exists().where(_renewal.renouvelle == _demande.id, renews_still(_renewal))]


def _beyond(session: Session, acteur: Acteur, after: int) -> ColumnElement[bool]:
    """Behind that product in the order of the list; its place is read again, for it never moves."""
    end = session.scalar(select(_demande.produit_fin_le).where(_demande.id == after, may_act(acteur)))
    if end is None:
        raise IgcError(Code.CRITERIA_INVALID, champ="aPartirDe", raison="aPartirDe n'est pas la suite d'une page.")
    same = and_(_demande.produit_fin_le == end, _demande.id > after)
    return and_(_demande.produit_fin_le >= end, or_(_demande.produit_fin_le > end, same))
