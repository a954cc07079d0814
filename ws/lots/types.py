"""The types of the contract that speak of lots."""

from __future__ import annotations

from spyne import Boolean, ByteArray, DateTime, Integer32, Integer64, Unicode

from ws.contract.kinds import Contract, ErreurDemande, optional, repeated, required


class DemandeCertificat(Contract):
    """A request, as sent: what is wrong with a field is for its verdict to say."""

    reference = optional(Unicode)
    renouvelle = optional(Unicode)
    renouvelleAutorite = optional(Unicode)
    renouvelleSerie = optional(Unicode)
    offre = optional(Unicode)
    usage = optional(Unicode)
    structure = optional(Unicode)
    beneficiaire = optional(Unicode)
    serviceApplicatif = optional(Unicode)
    adresseEmail = optional(Unicode)
    fqdn = repeated(Unicode)
    upn = optional(Unicode)
    emailActeur = optional(Unicode)
    emailInforme = optional(Unicode)
    csr = optional(ByteArray)


class Lot(Contract):
    """A lot, as sent. Never deserialised by spyne: ``ws.lots.reader`` reads it."""

    reference = required(Unicode)
    demande = repeated(DemandeCertificat, low=1)


class NomAlternatif(Contract):
    """A name that a certificate bears beside its subject."""

    nature = required(Unicode)
    valeur = required(Unicode)


class Avertissement(Contract):
    """What a sender should look at; it refuses nothing."""

    code = required(Unicode)
    texte = required(Unicode)
    champ = optional(Unicode)


class Verdict(Contract):
    """The verdict of one item, and what its certificate would say."""

    position = required(Integer32)
    reference = optional(Unicode)
    acceptable = required(Boolean)
    sujet = optional(Unicode)
    nomAlternatif = repeated(NomAlternatif)
    avertissement = repeated(Avertissement)
    erreur = repeated(ErreurDemande)


class BilanVerification(Contract):
    """All verdicts of a lot."""

    nombre = required(Integer32)
    acceptables = required(Integer32)
    refusees = required(Integer32)
    verdict = repeated(Verdict)


class SuiviLot(Contract):
    """Progress of a lot."""

    indexLot = required(Integer64)
    reference = required(Unicode)
    etat = required(Unicode)
    nombre = required(Integer32)
    enregistrees = required(Integer32)
    validees = required(Integer32)
    transmises = required(Integer32)
    closes = required(Integer32)
    rejetees = required(Integer32)
    nonTraitees = required(Integer32)
    annulees = required(Integer32)
    aRetirer = required(Integer32)
    avancement = required(Integer32)
    deposeLe = required(DateTime)
    modifieLe = required(DateTime)
    version = required(Unicode)
