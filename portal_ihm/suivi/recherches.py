"""The three follow-ups of the guide as searches: demandes, produits, demandes de révocation."""

from __future__ import annotations

from portal_ihm.shell.searching.pages import Recherche
from portal_ihm.suivi.criteria import of_demandes, of_produits, of_revocations
from portal_ihm.suivi.forms import DemandesForm, ProduitsForm, RevocationsForm
from registration.revocation_views import RevocationCriteria, RevocationPage
from registration.views import DemandePage, ProduitCriteria, ProduitPage, SearchCriteria

DEMANDES = Recherche[DemandesForm, SearchCriteria, DemandePage](
    name="demandes",
    path="/suivi/demandes",
    template="suivi/demandes.html",
    form=DemandesForm,
    area=lambda authority: authority.demandes,
    criteria=of_demandes,
    rows=lambda page: (page.demandes, page.next_after),
    produit=lambda row: row.numero,
)
PRODUITS = Recherche[ProduitsForm, ProduitCriteria, ProduitPage](
    name="produits",
    path="/suivi/produits",
    template="suivi/produits.html",
    form=ProduitsForm,
    area=lambda authority: authority.produits,
    criteria=of_produits,
    rows=lambda page: (page.produits, page.next_after),
    produit=lambda row: row.numero,
)
REVOCATIONS = Recherche[RevocationsForm, RevocationCriteria, RevocationPage](
    name="revocations",
    path="/suivi/revocations",
    template="suivi/revocations.html",
    form=RevocationsForm,
    area=lambda authority: authority.revocations,
    criteria=of_revocations,
    rows=lambda page: (page.revocations, page.next_after),
    produit=lambda row: row.numero_produit,
)
