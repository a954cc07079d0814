"""The types of the contract as spyne classes: names, order and occurrences. The facets live in the XSD only.

``tests/contract`` holds them against the published schema, member by member.
"""

from __future__ import annotations

from typing import Any

from spyne import Boolean, ByteArray, ComplexModel, DateTime, Integer32, Integer64, Unicode

from ws.soap import CONTRACT_NS


def required(kind: Any) -> Any:  # noqa: ANN401  # spyne types are classes made at run time
    """The type as a member that is always there."""
    return kind.customize(min_occurs=1, nillable=False)


def optional(kind: Any) -> Any:  # noqa: ANN401  # as above
    """The type as a member that may be absent, never nil."""
    return kind.customize(min_occurs=0, nillable=False)


def repeated(kind: Any, *, low: int = 0, high: int | str = "unbounded") -> Any:  # noqa: ANN401  # as above
    """The type as a member that comes several times."""
    return kind.customize(min_occurs=low, max_occurs=high, nillable=False)


class Contract(ComplexModel):
    """Base of all: the namespace."""

    __namespace__ = CONTRACT_NS


class DemandeCertificat(Contract):
    """A request, as sent."""

    reference = optional(Unicode)
    offre = required(Unicode)
    usage = required(Unicode)
    structure = optional(Unicode)
    beneficiaire = optional(Unicode)
    serviceApplicatif = optional(Unicode)
    adresseEmail = optional(Unicode)
    fqdn = repeated(Unicode, high=5)
    upn = optional(Unicode)
    emailActeur = required(Unicode)
    emailInforme = optional(Unicode)
    csr = required(ByteArray)


class Lot(Contract):
    """A lot, as sent. Never deserialised by spyne: ``ws.lot_reader`` reads it."""

    reference = required(Unicode)
    demande = repeated(DemandeCertificat, low=1)


class AccuseLot(Contract):
    """The receipt of a deposit."""

    indexLot = required(Integer64)
    reference = required(Unicode)
    nombre = required(Integer32)
    deposeLe = required(DateTime)
    dejaDepose = required(Boolean)


class ErreurDemande(Contract):
    """Why a demande is refused."""

    code = required(Unicode)
    texte = required(Unicode)
    champ = optional(Unicode)


class Verdict(Contract):
    """The verdict of one item."""

    position = required(Integer32)
    reference = optional(Unicode)
    acceptable = required(Boolean)
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


class DemandeSuivie(Contract):
    """A demande as its followers see it."""

    numeroDemande = required(Integer64)
    canal = required(Unicode)
    indexLot = optional(Integer64)
    position = optional(Integer32)
    reference = optional(Unicode)
    offre = required(Unicode)
    usage = required(Unicode)
    etat = required(Unicode)
    etatProduit = optional(Unicode)
    structure = optional(Unicode)
    beneficiaire = optional(Unicode)
    serviceApplicatif = optional(Unicode)
    adresseEmail = optional(Unicode)
    fqdn = repeated(Unicode, high=5)
    creeLe = required(DateTime)
    modifieLe = required(DateTime)
    numeroSerie = optional(Unicode)
    finValidite = optional(DateTime)
    erreur = optional(ErreurDemande)


class PageDemandes(Contract):
    """A page of demandes."""

    demande = repeated(DemandeSuivie)
    suivant = optional(Integer64)


class ConditionsRetrait(Contract):
    """What the requester gives at withdrawal."""

    codeRevocation = required(Unicode)
    confirmation = required(Unicode)
    acceptationCgu = required(Boolean)


class Retrait(Contract):
    """A withdrawn certificate."""

    numeroDemande = required(Integer64)
    indexLot = optional(Integer64)
    position = optional(Integer32)
    reference = optional(Unicode)
    numeroSerie = required(Unicode)
    finValidite = required(DateTime)
    retireLe = required(DateTime)
    pkcs7 = required(ByteArray)


class PageRetraits(Contract):
    """A page of withdrawn certificates."""

    retrait = repeated(Retrait)
    suivant = optional(Integer64)
    enAttente = required(Integer32)


class BilanAnnulation(Contract):
    """What a cancellation changed."""

    annulees = required(Integer32)
    inchangees = required(Integer32)


class CriteresRecherche(Contract):
    """Criteria of a search."""

    numeroDemande = optional(Integer64)
    indexLot = optional(Integer64)
    offre = optional(Unicode)
    usage = optional(Unicode)
    etat = optional(Unicode)
    structure = optional(Unicode)
    beneficiaire = optional(Unicode)
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
    acteur = required(Unicode)
    habilitationsActeur = optional(Unicode)
    administrateur = optional(Unicode)
    habilitationsAdministrateur = optional(Unicode)


class AttributSujet(Contract):
    """One attribute of the certificate's subject."""

    nom = required(Unicode)
    valeur = required(Unicode)


class DetailDemande(Contract):
    """A demande with its history."""

    demande = required(DemandeSuivie)
    attributSujet = repeated(AttributSujet)
    ligneHistorique = repeated(LigneHistorique)


class EtatService(Contract):
    """The service answers."""

    plateforme = required(Unicode)
    versionContrat = required(Unicode)
    heure = required(DateTime)
    acteur = required(Unicode)
    demandesParLot = required(Integer32)
    octetsParMessage = required(Integer32)
