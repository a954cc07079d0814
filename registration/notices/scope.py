"""Which demandes a gathered notice is about: read when it is gathered, and again when it is written."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, false, func, select
from sqlalchemy.orm import aliased

from registration.vocabulary import Avis, CodeAction, EtatDemande, EtatProduit
from storage import tables

EXPIRIES = frozenset({Avis.RENEWAL, Avis.EXPIRY})
CANCELLATIONS = frozenset({Avis.CANCELLED, Avis.DEADLINE_OVER})

_demande, _certificat, _historique = tables.Demande, tables.Certificat, tables.Historique
_TAKEN = (EtatDemande.VALIDEE.value, EtatDemande.TRANSMISE.value, EtatDemande.CLOSE.value)
_AVAILABLE = (EtatProduit.A_RETIRER.value, EtatProduit.ACTIF.value)


def between(avis: Avis, moment: Any, since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:  # noqa: ANN401 -- a column
    """Bounds of a notice: both ends within, but the first of what ends, which was told of the day before."""
    found: list[ColumnElement[bool]] = []
    if since is not None:
        found.append(moment > since if avis in EXPIRIES | {Avis.AVAILABLE} else moment >= since)
    if until is not None:
        found.append(moment <= until)
    return found


def fell_to(avis: Avis, since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    """The conditions over demande and its certificat (outer join) of what such a notice tells, between two moments."""
    within = between(avis, _MOMENTS[avis], since, until) if avis in _MOMENTS else []
    if avis is Avis.VALIDATED:
        return [_demande.etat.in_(_TAKEN)]
    if avis is Avis.AVAILABLE:
        return [_demande.etat_produit.in_(_AVAILABLE), *within]
    if avis is Avis.WITHDRAWN:
        return [_certificat.retire_le.is_not(None), *within]
    if avis is Avis.REVOKED:
        return [_certificat.revoque_le.is_not(None), _demande.etat == EtatDemande.CLOSE.value, *within]
    if avis in EXPIRIES:
        return [*to_renew(), *within]
    return [_demande.etat == EtatDemande.ANNULEE.value, _cancelled(avis, since, until)]


_MOMENTS: dict[Avis, Any] = {
    Avis.AVAILABLE: _certificat.emis_le,
    Avis.WITHDRAWN: _certificat.retire_le,
    Avis.REVOKED: _certificat.revoque_le,
    Avis.RENEWAL: _certificat.not_after,
    Avis.EXPIRY: _certificat.not_after,
}


def to_renew() -> list[ColumnElement[bool]]:
    """A certificate of whose end somebody is told: withdrawn, not revoked, and not replaced.

    It is replaced when its renewal was withdrawn (guide §8.6.2): one that was asked for, and fell through, is none.
    """
    successor = aliased(tables.Demande)
    replaced = select(successor.id).where(
        successor.renouvelle == _demande.id, successor.etat_produit == EtatProduit.ACTIF.value
    )
    return [
        ~replaced.exists(),
        _demande.etat_produit == EtatProduit.ACTIF.value,
        _certificat.retire_le.is_not(None),
        _certificat.revoque_le.is_(None),
    ]


def _cancelled(avis: Avis, since: datetime | None, until: datetime | None) -> ColumnElement[bool]:
    """By its line of the history: somebody's, or that of its limit."""
    action = CodeAction.NOT_WITHDRAWN if avis is Avis.DEADLINE_OVER else CodeAction.CANCELLED
    return (
        select(_historique.id)
        .where(
            _historique.id_demande == _demande.id,
            _historique.code_action == action.value,
            *between(avis, _historique.date, since, until),
        )
        .exists()
    )


def told_to(destinataire: str) -> ColumnElement[bool]:
    """What somebody is told of, as acteur or for information."""
    key = destinataire.lower()
    return (func.lower(_demande.email_acteur) == key) | (func.lower(_demande.email_informe) == key)


def concerned(row: tables.Avis, *columns: Any) -> Select[Any]:  # noqa: ANN401 -- of the rows
    """These columns of every demande that a notice is about, by lot and position."""
    avis = Avis(row.nature)
    query = select(*columns).select_from(_demande).outerjoin(_certificat, _certificat.id_demande == _demande.id)
    query = query.where(_demande.plateforme == row.plateforme)
    if row.id_demande is not None:
        return query.where(_demande.id == row.id_demande, *_still_true(avis))
    if row.destinataire is None or (row.id_lot is None and avis not in EXPIRIES):
        return query.where(false())
    place = (
        _demande.id_structure.is_not_distinct_from(row.id_structure)
        if row.id_lot is None
        else _demande.id_lot == row.id_lot
    )
    about = (place, told_to(row.destinataire), *fell_to(avis, row.depuis, row.jusqu_a))
    return query.where(*about).order_by(_demande.id_lot, _demande.position, _demande.id)


def _still_true(avis: Avis) -> list[ColumnElement[bool]]:
    """A mail that comes late says nothing that is wrong by now."""
    if avis is Avis.AVAILABLE:
        return [_demande.etat_produit.in_(_AVAILABLE)]
    return to_renew() if avis in EXPIRIES else []
