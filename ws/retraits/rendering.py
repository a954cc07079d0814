"""From registration's views to the types of withdrawals. No decisions: every value is already decided."""

from __future__ import annotations

from registration.views import Retrait as RetraitView
from registration.views import RetraitPage as RetraitPageView
from ws.retraits import types


def retrait(view: RetraitView) -> types.Retrait:
    """A withdrawn certificate; spyne wants bytes in pieces."""
    return types.Retrait(
        numeroDemande=view.numero,
        indexLot=view.index_lot,
        position=view.position,
        reference=view.reference,
        numeroSerie=view.serial,
        finValidite=view.not_after,
        retireLe=view.retire_le,
        pkcs7=(view.pkcs7,),
    )


def page_retraits(page: RetraitPageView) -> types.PageRetraits:
    """A page of withdrawn certificates."""
    return types.PageRetraits(
        nombre=len(page.retraits),
        retrait=[retrait(view) for view in page.retraits],
        suivant=page.next_after,
        enAttente=page.pending,
    )
