"""From the forms of the follow-ups to the criteria of the registration authority."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from registration.revocation_views import RevocationCriteria
from registration.views import CommonCriteria, ProduitCriteria, SearchCriteria
from registration.vocabulary import EtatDemande, EtatProduit, EtatRevocation, Motif

if TYPE_CHECKING:
    from portal_ihm.suivi.forms import DemandesForm, ProduitsForm, RevocationsForm


def of_demandes(form: DemandesForm, now: datetime) -> SearchCriteria:
    """What a valid form asks for; days are those of Paris at ``now``."""
    since, until = form.bounds(form.intervalles[0], now)
    return SearchCriteria(
        **form.common(),
        etat=EtatDemande(form.etat.data) if form.etat.data else None,
        etat_produit=EtatProduit(form.etat_produit.data) if form.etat_produit.data else None,
        since=since,
        until=until,
    )


def of_produits(form: ProduitsForm, now: datetime) -> ProduitCriteria:
    """As ``of_demandes``."""
    issued, ends = (form.bounds(intervalle, now) for intervalle in form.intervalles)
    return ProduitCriteria(
        **form.common(),
        etat=EtatProduit(form.etat.data) if form.etat.data else None,
        issued_since=issued[0],
        issued_until=issued[1],
        ends_since=ends[0],
        ends_until=ends[1],
    )


def of_revocations(form: RevocationsForm, now: datetime) -> RevocationCriteria:
    """As ``of_demandes``; a numero and an index are those of the demande de révocation, the rest is of the produit."""
    asked, effect = (form.bounds(intervalle, now) for intervalle in form.intervalles)
    common = form.common()
    numero, index_lot = common.pop("numero"), common.pop("index_lot")
    common["all_offres"] = common["offre"] is None
    return RevocationCriteria(
        numero=numero,
        index_lot=index_lot,
        numero_produit=form.numero_produit.data,
        etat=EtatRevocation(form.etat.data) if form.etat.data else None,
        motif=Motif(form.motif.data) if form.motif.data else None,
        since=asked[0],
        until=asked[1],
        effet_since=effect[0],
        effet_until=effect[1],
        produit=CommonCriteria(**common),
    )
