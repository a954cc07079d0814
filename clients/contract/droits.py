"""The contract's types that speak of rights; same form as in ``values``."""

from __future__ import annotations

from clients.contract.values import ContractValue


class Domaine(ContractValue, frozen=True, kw_only=True):
    """A domain of an habilitation; ``saisie`` says what may be written in front of it."""

    nom: str
    saisie: str


class Droit(ContractValue, frozen=True, kw_only=True):
    """Administrateur technique of one offre on one structure; ``par`` is the offre that implies it, if another one."""

    offre: str
    structure: str
    raison_sociale: str | None = None
    par: str | None = None
    domaine: tuple[Domaine, ...] = ()


class PageDroits(ContractValue, frozen=True, kw_only=True):
    """A page of ``nombre`` rights; ``pour_soi``: the actor asks for himself on offre PS."""

    pour_soi: bool
    nombre: int
    droit: tuple[Droit, ...] = ()
    suivant: int | None = None
