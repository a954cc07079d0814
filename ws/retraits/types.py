"""The types of the contract that speak of withdrawals."""

from __future__ import annotations

from spyne import Boolean, ByteArray, DateTime, Integer32, Integer64, Unicode

from ws.contract.kinds import Contract, optional, repeated, required


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

    nombre = required(Integer32)
    retrait = repeated(Retrait)
    suivant = optional(Integer64)
    enAttente = required(Integer32)
