"""The types of the contract that speak of revocations."""

from __future__ import annotations

from spyne import Boolean, DateTime, Integer32, Integer64, Unicode

from ws.contract.kinds import Contract, ErreurDemande, optional, repeated, required
from ws.demandes.types import LigneHistorique


class DemandeRevocation(Contract):
    """A wish to revoke, as sent: what is wrong with a field is for its verdict to say."""

    reference = optional(Unicode)
    numeroProduit = optional(Integer64)
    autorite = optional(Unicode)
    numeroSerie = optional(Unicode)
    motif = optional(Unicode)
    autreMotif = optional(Unicode)
    dateEffet = optional(Unicode)
    enTantQue = optional(Unicode)
    emailActeur = optional(Unicode)
    confirmation = optional(Boolean)


class LotRevocations(Contract):
    """A lot of them, as sent. Never deserialised by spyne: ``ws.revocations.reader`` reads it."""

    reference = required(Unicode)
    revocation = repeated(DemandeRevocation, low=1)


class AccuseRevocation(Contract):
    """What became of one certificate."""

    resultat = required(Unicode)
    numeroRevocation = optional(Integer64)
    numeroProduit = required(Integer64)
    autorite = required(Unicode)
    numeroSerie = required(Unicode)
    motif = optional(Unicode)
    effetLe = optional(DateTime)
    revoqueLe = optional(DateTime)
    raisonCrl = optional(Unicode)


class VerdictRevocation(Contract):
    """The verdict of one item."""

    position = required(Integer32)
    reference = optional(Unicode)
    acceptable = required(Boolean)
    accuse = optional(AccuseRevocation)
    erreur = repeated(ErreurDemande)


class BilanVerificationRevocations(Contract):
    """All verdicts of a lot."""

    nombre = required(Integer32)
    acceptables = required(Integer32)
    refusees = required(Integer32)
    verdict = repeated(VerdictRevocation)


class RevocationSuivie(Contract):
    """A demande de révocation as its followers see it."""

    numeroRevocation = required(Integer64)
    canal = required(Unicode)
    indexLot = optional(Integer64)
    position = optional(Integer32)
    reference = optional(Unicode)
    etat = required(Unicode)
    resultat = required(Unicode)
    motif = optional(Unicode)
    autreMotif = optional(Unicode)
    effetLe = optional(DateTime)
    remplaceePar = optional(Integer64)
    demandeur = optional(Unicode)
    numeroProduit = optional(Integer64)
    autorite = optional(Unicode)
    numeroSerie = optional(Unicode)
    revoqueLe = optional(DateTime)
    raisonCrl = optional(Unicode)
    offre = optional(Unicode)
    usage = optional(Unicode)
    structure = optional(Unicode)
    raisonSociale = optional(Unicode)
    beneficiaire = optional(Unicode)
    nomBeneficiaire = optional(Unicode)
    serviceApplicatif = optional(Unicode)
    adresseEmail = optional(Unicode)
    fqdn = repeated(Unicode, high=5)
    creeLe = required(DateTime)
    modifieLe = required(DateTime)
    erreur = optional(ErreurDemande)


class PageRevocations(Contract):
    """A page of them."""

    nombre = required(Integer32)
    revocation = repeated(RevocationSuivie)
    suivant = optional(Integer64)


class CriteresRevocation(Contract):
    """Criteria of a search."""

    numeroRevocation = optional(Integer64)
    numeroProduit = optional(Integer64)
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


class DetailRevocation(Contract):
    """One with its history."""

    revocation = required(RevocationSuivie)
    ligneHistorique = repeated(LigneHistorique)
