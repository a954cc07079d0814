"""From registration's views to the types of produits. No decisions: every value is already decided."""

from __future__ import annotations

from registration.views import ProduitDetail, ProduitPage, ProduitView, Telechargement
from ws.demandes.rendering import attribut, line
from ws.produits import types


def page_produits(page: ProduitPage) -> types.PageProduits:
    """A page of produits."""
    return types.PageProduits(
        nombre=len(page.produits), produit=[_produit(view) for view in page.produits], suivant=page.next_after
    )


def detail(view: ProduitDetail) -> types.DetailProduit:
    """A produit with subject and history."""
    return types.DetailProduit(
        produit=_produit(view.produit),
        attributSujet=[attribut(name, value) for name, value in view.subject],
        ligneHistorique=[line(step) for step in view.historique],
    )


def certificat_actif(view: Telechargement) -> types.CertificatActif:
    """A certificate to download; spyne wants bytes in pieces."""
    return types.CertificatActif(produit=_produit(view.produit), certificat=(view.der,), pkcs7=(view.pkcs7,))


def _produit(view: ProduitView) -> types.Produit:
    return types.Produit(
        numeroProduit=view.numero,
        canal=view.canal.value,
        indexLot=view.index_lot,
        position=view.position,
        reference=view.reference,
        offre=view.offre.value,
        usage=view.usage.value,
        etatProduit=view.etat.value,
        emisLe=view.emis_le,
        debutValidite=view.not_before,
        finValidite=view.not_after,
        revoqueLe=view.revoque_le,
        autorite=view.autorite,
        numeroSerie=view.serial,
        structure=view.structure,
        raisonSociale=view.raison_sociale,
        beneficiaire=view.beneficiaire,
        nomBeneficiaire=view.beneficiaire_libelle,
        demandeur=view.demandeur,
        serviceApplicatif=view.service_applicatif,
        adresseEmail=view.adresse_email,
        fqdn=list(view.fqdns),
        renouvelle=view.renouvelle,
        renouveleePar=view.renouvelee_par,
    )
