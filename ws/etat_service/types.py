"""The types of the contract that speak of the service itself."""

from __future__ import annotations

from spyne import DateTime, Integer32, Unicode

from ws.contract.kinds import Contract, optional, required


class TexteEnVigueur(Contract):
    """A text that a withdrawal accepts: its SHA-256 is in hexadecimal."""

    version = required(Unicode)
    empreinte = required(Unicode)
    adresse = required(Unicode)


class EtatService(Contract):
    """The service answers."""

    plateforme = required(Unicode)
    versionContrat = required(Unicode)
    heure = required(DateTime)
    acteur = required(Unicode)
    administrateur = optional(Unicode)
    demandesParLot = required(Integer32)
    octetsParMessage = required(Integer32)
    cgu = required(TexteEnVigueur)
    pc = required(TexteEnVigueur)
