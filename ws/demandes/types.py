"""The types of the contract that speak of demandes one by one."""

from __future__ import annotations

from spyne import DateTime, Integer32, Integer64, Unicode

from ws.contract.kinds import Contract, ErreurDemande, optional, repeated, required


class DemandeSuivie(Contract):
    """A demande as its followers see it."""

    numeroDemande = required(Integer64)
    canal = required(Unicode)
    indexLot = optional(Integer64)
    position = optional(Integer32)
    reference = optional(Unicode)
    offre = optional(Unicode)
    usage = optional(Unicode)
    etat = required(Unicode)
    etatProduit = optional(Unicode)
    structure = optional(Unicode)
    raisonSociale = optional(Unicode)
    beneficiaire = optional(Unicode)
    nomBeneficiaire = optional(Unicode)
    demandeur = optional(Unicode)
    serviceApplicatif = optional(Unicode)
    adresseEmail = optional(Unicode)
    fqdn = repeated(Unicode, high=5)
    creeLe = required(DateTime)
    modifieLe = required(DateTime)
    numeroSerie = optional(Unicode)
    finValidite = optional(DateTime)
    renouvelle = optional(Integer64)
    renouveleePar = optional(Integer64)
    dateLimiteRetrait = optional(DateTime)
    erreur = optional(ErreurDemande)


class PageDemandes(Contract):
    """A page of demandes."""

    nombre = required(Integer32)
    demande = repeated(DemandeSuivie)
    suivant = optional(Integer64)


class CriteresRecherche(Contract):
    """Criteria of a search."""

    numeroDemande = optional(Integer64)
    indexLot = optional(Integer64)
    offre = optional(Unicode)
    usage = optional(Unicode)
    etat = optional(Unicode)
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
    depuis = optional(DateTime)
    jusqua = optional(DateTime)


class LigneHistorique(Contract):
    """One step in the life of a demande."""

    numero = required(Integer64)
    canal = required(Unicode)
    date = required(DateTime)
    codeAction = required(Unicode)
    etat = required(Unicode)
    typeActeur = required(Unicode)
    acteur = optional(Unicode)
    habilitationsActeur = optional(Unicode)
    administrateur = optional(Unicode)
    habilitationsAdministrateur = optional(Unicode)


class AttributSujet(Contract):
    """One attribute of the certificate's subject."""

    nom = required(Unicode)
    valeur = required(Unicode)


class DetailDemande(Contract):
    """A demande with its history, and what only its order says."""

    demande = required(DemandeSuivie)
    upn = optional(Unicode)
    emailActeur = optional(Unicode)
    emailInforme = optional(Unicode)
    attributSujet = repeated(AttributSujet)
    ligneHistorique = repeated(LigneHistorique)
