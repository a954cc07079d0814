"""The type of the contract that speaks of the service itself."""

from __future__ import annotations

from spyne import DateTime, Integer32, Unicode

from ws.contract.kinds import Contract, required


class EtatService(Contract):
    """The service answers."""

    plateforme = required(Unicode)
    versionContrat = required(Unicode)
    heure = required(DateTime)
    acteur = required(Unicode)
    demandesParLot = required(Integer32)
    octetsParMessage = required(Integer32)
