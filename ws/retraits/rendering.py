"""From registration's views to the types of withdrawals. No decisions: every value is already decided."""

from __future__ import annotations

from collections.abc import Iterable

from registration.views import Retrait as RetraitView
from registration.views import RetraitPage as RetraitPageView
from ws.retraits import types


def retrait(view: RetraitView) -> types.Retrait:
    """A withdrawn certificate with its chain."""
    found = _retrait(view)
    (found.chaine,) = _chaines([view])
    return found


def _retrait(view: RetraitView) -> types.Retrait:
    """A withdrawn certificate alone; spyne wants bytes in pieces."""
    return types.Retrait(
        numeroDemande=view.numero,
        indexLot=view.index_lot,
        position=view.position,
        reference=view.reference,
        numeroSerie=view.serial,
        finValidite=view.not_after,
        retireLe=view.retire_le,
        autorite=view.autorite,
        certificat=(view.der,),
        pkcs7=(view.pkcs7,),
    )


def page_retraits(page: RetraitPageView) -> types.PageRetraits:
    """A page of withdrawn certificates, the chain of each authority once."""
    return types.PageRetraits(
        nombre=len(page.retraits),
        retrait=[_retrait(view) for view in page.retraits],
        chaine=_chaines(page.retraits),
        suivant=page.next_after,
        enAttente=page.pending,
    )


def _chaines(views: Iterable[RetraitView]) -> list[types.Chaine]:
    """By the chain and not by the name: two authorities may have one name, and then two keys."""
    names = {view.chain: view.autorite for view in views}
    return [
        types.Chaine(autorite=name, certificat=[(certificate,) for certificate in chain])
        for chain, name in names.items()
    ]
