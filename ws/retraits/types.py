"""The types of the contract that speak of withdrawals."""

from __future__ import annotations

from spyne import Boolean, ByteArray, DateTime, Integer32, Integer64, Unicode

from ws.contract.kinds import Contract, optional, repeated, required


class ConditionsRetrait(Contract):
    """What the requester gives at withdrawal."""

    codeRevocation = required(Unicode)
    confirmation = required(Unicode)
    acceptationCgu = required(Boolean)


class Chaine(Contract):
    """The certificates above one, its issuer's first."""

    autorite = required(Unicode)
    certificat = repeated(ByteArray, low=1)


class Retrait(Contract):
    """A withdrawn certificate; its chain is here when it comes alone, else with its page."""

    numeroDemande = required(Integer64)
    indexLot = optional(Integer64)
    position = optional(Integer32)
    reference = optional(Unicode)
    numeroSerie = required(Unicode)
    finValidite = required(DateTime)
    retireLe = required(DateTime)
    autorite = required(Unicode)
    certificat = required(ByteArray)
    pkcs7 = required(ByteArray)
    chaine = optional(Chaine)


class PageRetraits(Contract):
    """A page of withdrawn certificates, and once the chain of each authority among them."""

    nombre = required(Integer32)
    retrait = repeated(Retrait)
    chaine = repeated(Chaine)
    suivant = optional(Integer64)
    enAttente = required(Integer32)
