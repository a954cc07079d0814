"""The types of the contract that speak of rights."""

from __future__ import annotations

from spyne import Boolean, Integer32, Integer64, Unicode

from ws.contract.kinds import Contract, optional, repeated, required


class Domaine(Contract):
    """A domain of an habilitation, and what may be written in front of it."""

    nom = required(Unicode)
    saisie = required(Unicode)


class Droit(Contract):
    """Administrateur technique of one offre on one structure."""

    offre = required(Unicode)
    structure = required(Unicode)
    raisonSociale = optional(Unicode)
    par = optional(Unicode)
    domaine = repeated(Domaine)


class PageDroits(Contract):
    """A page of rights."""

    pourSoi = required(Boolean)
    nombre = required(Integer32)
    droit = repeated(Droit)
    suivant = optional(Integer64)
