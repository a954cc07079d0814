"""The types of the contract that speak of produits: certificates once they are signed."""

from __future__ import annotations

from spyne import ByteArray, DateTime, Integer32, Integer64, Unicode

from ws.contract.kinds import Contract, optional, repeated, required
from ws.demandes.types import AttributSujet, LigneHistorique


class Produit(Contract):
    """A certificate as its followers see it."""

    numeroProduit = required(Integer64)
    canal = required(Unicode)
    indexLot = optional(Integer64)
    position = optional(Integer32)
    reference = optional(Unicode)
    offre = required(Unicode)
    usage = required(Unicode)
    etatProduit = required(Unicode)
    emisLe = required(DateTime)
    debutValidite = required(DateTime)
    finValidite = required(DateTime)
    revoqueLe = optional(DateTime)
    autorite = required(Unicode)
    numeroSerie = required(Unicode)
    structure = optional(Unicode)
    raisonSociale = optional(Unicode)
    beneficiaire = optional(Unicode)
    nomBeneficiaire = optional(Unicode)
    demandeur = required(Unicode)
    serviceApplicatif = optional(Unicode)
    adresseEmail = optional(Unicode)
    fqdn = repeated(Unicode, high=5)
    renouvelle = optional(Integer64)
    renouveleePar = optional(Integer64)


class PageProduits(Contract):
    """A page of produits."""

    nombre = required(Integer32)
    produit = repeated(Produit)
    suivant = optional(Integer64)


class CriteresProduits(Contract):
    """Criteria of a search of produits."""

    numeroProduit = optional(Integer64)
    indexLot = optional(Integer64)
    offre = optional(Unicode)
    usage = optional(Unicode)
    etatProduit = optional(Unicode)
    structure = optional(Unicode)
    raisonSociale = optional(Unicode)
    beneficiaire = optional(Unicode)
    nomBeneficiaire = optional(Unicode)
    prenomBeneficiaire = optional(Unicode)
    demandeur = optional(Unicode)
    nomDemandeur = optional(Unicode)
    prenomDemandeur = optional(Unicode)
    serviceApplicatif = optional(Unicode)
    adresseEmail = optional(Unicode)
    fqdn = optional(Unicode)
    emisDepuis = optional(DateTime)
    emisJusqua = optional(DateTime)
    finDepuis = optional(DateTime)
    finJusqua = optional(DateTime)


class DetailProduit(Contract):
    """A produit with the subject of its certificate and the history of its demande."""

    produit = required(Produit)
    attributSujet = repeated(AttributSujet)
    ligneHistorique = repeated(LigneHistorique)


class CertificatActif(Contract):
    """An active certificate: the leaf alone, and with its chain."""

    produit = required(Produit)
    certificat = required(ByteArray)
    pkcs7 = required(ByteArray)
