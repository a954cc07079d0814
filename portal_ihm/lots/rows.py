"""Items of a lot of either nature as rows of one table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from registration.vocabulary import EtatDemande, EtatProduit, EtatRevocation, NatureLot

if TYPE_CHECKING:
    from registration.ports import AuthorityPort
    from registration.revocation_views import RevocationView
    from registration.values import Acteur
    from registration.views import DemandeView, LotFollowUp, Refusal

OF_REVOCATIONS = (EtatRevocation.VALIDEE, EtatRevocation.CLOSE, EtatRevocation.NON_TRAITEE)
_REFUSED = {
    NatureLot.CERTIFICATS: (EtatDemande.REJETEE, EtatDemande.NON_TRAITEE),
    NatureLot.REVOCATIONS: (EtatDemande.NON_TRAITEE,),
}


@dataclass(frozen=True, slots=True)
class Row:
    """An item; ``address`` is None where the acteur may not open it. ``until`` is what its etat waits for."""

    position: int | None
    reference: str | None
    numero: int
    what: str
    etat: EtatDemande
    produit: EtatProduit | None
    until: datetime | None
    refusal: Refusal | None
    address: str | None


def etats_of(nature: NatureLot) -> tuple[EtatDemande, ...]:
    """Those that an item of such a lot may be in, in the order of its life."""
    if nature is NatureLot.REVOCATIONS:
        return tuple(EtatDemande(etat.value) for etat in (EtatRevocation.ENREGISTREE, *OF_REVOCATIONS))
    return tuple(EtatDemande)


def refused_etats(nature: NatureLot) -> tuple[EtatDemande, ...]:
    """Those in which an item has come to nothing by a refusal."""
    return _REFUSED[nature]


def read_rows(
    authority: AuthorityPort, acteur: Acteur, lot: LotFollowUp, etat: EtatDemande | None, *, after: int, limit: int
) -> tuple[list[Row], int | None]:
    """A page of the items, by position, and where the next one begins."""
    if lot.nature is NatureLot.REVOCATIONS:
        wanted = None if etat is None else EtatRevocation(etat.value)
        found = authority.revocations.list_lot(acteur, lot.index, etat=wanted, after=after, limit=limit)
        return list(map(_of_revocation, found.revocations)), found.next_after
    page = authority.lots.list_demandes(acteur, lot.index, etat=etat, after=after, limit=limit)
    return list(map(_of_demande, page.demandes)), page.next_after


def read_refused(authority: AuthorityPort, acteur: Acteur, lot: LotFollowUp, limit: int) -> list[Row]:
    """The first refused items of a lot, by position."""
    found: list[Row] = []
    for etat in refused_etats(lot.nature):
        if lot.counts[etat]:
            found += read_rows(authority, acteur, lot, etat, after=0, limit=limit)[0]
    return sorted((row for row in found if row.refusal), key=lambda row: row.position or 0)[:limit]


def _of_demande(view: DemandeView) -> Row:
    what = _joined(view.offre, view.usage, view.service_applicatif, view.adresse_email, *view.fqdns)
    waits = view.etat is EtatDemande.TRANSMISE
    return Row(
        position=view.position,
        reference=view.reference,
        numero=view.numero,
        what=what,
        etat=view.etat,
        produit=view.etat_produit,
        until=view.limite_retrait if waits else None,
        refusal=view.refusal,
        # What one only sent is told in outline: its page would be refused.
        address=f"/suivi/demandes/{view.numero}" if view.demandeur is not None else None,
    )


def _of_revocation(view: RevocationView) -> Row:
    product = "" if view.numero_produit is None else f"produit n° {view.numero_produit}"
    return Row(
        position=view.position,
        reference=view.reference,
        numero=view.numero,
        what=_joined(product, view.service_applicatif, view.adresse_email, *view.fqdns),
        etat=EtatDemande(view.etat.value),
        produit=None,
        until=view.effet_le if view.etat is EtatRevocation.VALIDEE else None,
        refusal=view.refusal,
        address=None,
    )


def _joined(*parts: str | None) -> str:
    return " · ".join(str(part) for part in parts if part)


def etat_named(text: str, allowed: Iterable[EtatDemande]) -> EtatDemande | None:
    """The etat that a query asks for; None for none, and for what no link of ours says."""
    return next((etat for etat in allowed if etat.value == text), None)
