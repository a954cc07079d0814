"""What may be done now with demandes that an acteur follows: what screens offer, before anybody tries it.

An offer gives no right. Each act is judged again when it is done, and may be refused then.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, false, literal, select
from sqlalchemy.orm import aliased

from registration.acteurs.visibility import in_perimeter, may_act, may_follow
from registration.demandes.queries import RENEWED_BY, produit
from registration.policy import LotPolicy
from registration.rules.renewal import Certified, judge_state
from registration.rules.rights import ACTIONS
from registration.rules.states import CANCELLABLE
from registration.values import Acteur
from registration.views import Possible
from registration.vocabulary import Action, EtatDemande, EtatProduit, EtatRevocation, Offre, Role, TypeActeurInscrit
from storage import tables
from storage.database import Database

_demande, _revocation = tables.Demande, tables.DemandeRevocation
_certificat = aliased(tables.Certificat)
_IN_USE = {EtatProduit.ACTIF, EtatProduit.EXPIRE}


def possible_acts(
    db: Database, acteur: Acteur, numeros: Collection[int], now: datetime, policy: LotPolicy
) -> Mapping[int, Possible]:
    """By numero, for those of ``numeros`` that the acteur may follow; one query for a whole page."""
    if not numeros:
        return {}
    query = _query(acteur).where(_demande.id.in_(sorted(numeros)), may_follow(acteur))
    with db.read() as session:
        rows = session.execute(query).all()
    return {row.id: _of(row, now, policy) for row in rows}


def _query(acteur: Acteur) -> Any:  # noqa: ANN401 -- a Select of many columns
    return (
        select(
            _demande.id,
            _demande.offre,
            _demande.etat,
            _demande.etat_produit,
            _demande.limite_retrait,
            _certificat.not_after,
            _certificat.revoque_le,
            RENEWED_BY,
            _revocation.id.label("revocation"),
            _revocation.effet_le.label("revocation_le"),
            may_act(acteur).label("in_rights"),
            in_perimeter(acteur).label("administers"),
            _is_borne(acteur).label("bears"),
            (_demande.id_acteur == acteur.id).label("is_requester"),
        )
        .outerjoin(_certificat, and_(_certificat.id_demande == _demande.id, _certificat.emis_le.is_not(None)))
        .outerjoin(
            _revocation,
            and_(
                _revocation.id_certificat == _certificat.id,
                _revocation.etat == literal(EtatRevocation.VALIDEE.value),
            ),
        )
    )


def _is_borne(acteur: Acteur) -> ColumnElement[bool]:
    if acteur.type_acteur is not TypeActeurInscrit.PERSONNE or acteur.id_national is None:
        return false()
    return and_(_demande.contenu.is_not(None), _demande.id_beneficiaire == acteur.id_national)


def _of(row: Any, now: datetime, policy: LotPolicy) -> Possible:  # noqa: ANN401 -- a row of _query
    etat = produit(row.etat_produit, row.not_after, now)
    roles = _roles(row)
    acts: set[Action] = set()
    if row.in_rights:
        acts.add(Action.DEMANDER)
        if etat is EtatProduit.A_RETIRER and row.is_requester and _is_in_time(row, now):
            acts.add(Action.RETIRER)
        if EtatDemande(row.etat) in CANCELLABLE:
            acts.add(Action.ANNULER)
        if etat in _IN_USE and row.renouvelee_par is None and _is_renewable(row, etat, now, policy):
            acts.add(Action.RENOUVELER)
    if roles and etat is EtatProduit.ACTIF:
        acts.add(Action.REVOQUER)
    return Possible(
        acts=frozenset(acts), roles=roles, revocation=row.revocation, revocation_le=row.revocation_le, etat_produit=etat
    )


def _roles(row: Any) -> tuple[Role, ...]:  # noqa: ANN401 -- as above
    """In which roles the acteur may revoke the certificate, as ``rules.rights.revoking_standings``."""
    if row.offre not in {offre.value for offre in Offre}:
        return ()
    held = ((Role.PORTEUR_CL, row.bears), (Role.ADMINISTRATEUR_TECHNIQUE, row.administers))
    offre = Offre(row.offre)
    return tuple(role for role, has in held if has and Action.REVOQUER in ACTIONS.get((role, offre), frozenset()))


def _is_in_time(row: Any, now: datetime) -> bool:  # noqa: ANN401 -- as above
    """As ``retraits.withdrawable.in_force`` says it of what was never withdrawn; a test holds the two together."""
    return bool((row.limite_retrait is None or row.limite_retrait > now) and row.not_after > now)


def _is_renewable(row: Any, etat: EtatProduit | None, now: datetime, policy: LotPolicy) -> bool:  # noqa: ANN401 -- as above
    certified = Certified(
        numero=row.id,
        fields={},
        etat=EtatDemande(row.etat),
        etat_produit=etat,
        not_after=row.not_after,
        revoque_le=row.revoque_le,
        revocation_le=row.revocation_le,
        may_act=True,
    )
    return judge_state(certified, now, policy.renewal_window, "renouvelle") is None
