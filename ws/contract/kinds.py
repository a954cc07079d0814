"""What the types of every area are made of, and the types that several areas share.

The types of the contract are spyne classes: names, order and occurrences. The facets live in the XSD only;
``tests/contract`` holds both against each other, member by member.
"""

from __future__ import annotations

from typing import Any

from spyne import Boolean, ComplexModel, DateTime, Integer32, Integer64, Unicode

from ws.contract.names import CONTRACT_NS


def required(kind: Any) -> Any:  # noqa: ANN401 -- spyne types are classes made at run time
    """The type as a member that is always there."""
    return kind.customize(min_occurs=1, nillable=False)


def optional(kind: Any) -> Any:  # noqa: ANN401 -- as above
    """The type as a member that may be absent, never nil."""
    return kind.customize(min_occurs=0, nillable=False)


def repeated(kind: Any, *, low: int = 0, high: int | str = "unbounded") -> Any:  # noqa: ANN401 -- as above
    """The type as a member that comes several times."""
    return kind.customize(min_occurs=low, max_occurs=high, nillable=False)


class Contract(ComplexModel):
    """Base of all: the namespace. Members that are not given are absent."""

    __namespace__ = CONTRACT_NS

    def __init__(self, **members: Any) -> None:  # noqa: ANN401 -- as the type of each says
        """Keep the members; spyne would ask the type for the default of each, which none of ours has."""
        self.__dict__.update(members)


class ErreurDemande(Contract):
    """Why a demande is refused."""

    code = required(Unicode)
    texte = required(Unicode)
    champ = optional(Unicode)


class BilanAnnulation(Contract):
    """What a cancellation changed."""

    annulees = required(Integer32)
    inchangees = required(Integer32)


class AccuseLot(Contract):
    """The receipt of a deposit."""

    indexLot = required(Integer64)
    reference = required(Unicode)
    nombre = required(Integer32)
    deposeLe = required(DateTime)
    dejaDepose = required(Boolean)
