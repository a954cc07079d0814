"""What of a lot waits for somebody, and until when."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, select

from registration.acteurs.visibility import may_act, may_follow
from registration.lots.follow_up import find_visible
from registration.values import Acteur
from registration.views import Waiting
from registration.vocabulary import EtatDemande, EtatProduit, EtatRevocation, NatureLot
from storage import tables
from storage.database import Database

_demande, _revocation = tables.Demande, tables.DemandeRevocation


def waiting_of_lot(db: Database, acteur: Acteur, index: int) -> Waiting:
    """Of certificates, those that he may withdraw, between the first limit and the last.

    Of revocations, those of certificates that he may follow and that wait for their day. ERR_WS_031 as ``follow_lot``.
    """
    with db.view() as moment:
        lot = find_visible(moment, acteur, index)
        query = _deferred(acteur, index) if lot.nature == NatureLot.REVOCATIONS.value else _to_withdraw(acteur, index)
        nombre, first, last = moment.session.execute(query).one()
    return Waiting(nombre=nombre, first=first, last=last)


def _to_withdraw(acteur: Acteur, index: int) -> Select[*tuple[Any, ...]]:
    limit = _demande.limite_retrait
    return select(func.count(), func.min(limit), func.max(limit)).where(
        _demande.id_lot == index,
        _demande.etat == EtatDemande.TRANSMISE.value,
        _demande.etat_produit == EtatProduit.A_RETIRER.value,
        may_act(acteur),
    )


def _deferred(acteur: Acteur, index: int) -> Select[*tuple[Any, ...]]:
    day = _revocation.effet_le
    return (
        select(func.count(), func.min(day), func.max(day))
        .join(_demande, _demande.id == _revocation.id_demande)
        .where(_revocation.id_lot == index, _revocation.etat == EtatRevocation.VALIDEE.value, may_follow(acteur))
    )
