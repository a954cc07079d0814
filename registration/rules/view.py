"""What the rules are told of the world: values of the directory, read beforehand for all the forms at hand."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from registration.rules.rights import Rights
from registration.values import Acteur, Origin
from registration.vocabulary import Offre, Usage


class Structure(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the directory of structures, as far as a certificate says anything of it."""

    id_national: str
    raison_sociale: str
    departement: str


class Personne(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the directory of persons, as far as a certificate says anything of it."""

    id_national: str
    nom: str
    prenom: str
    titre: str | None = None
    code_profession: int | None = None
    code_formation: int | None = None
    savoir_faire: str | None = None
    tableau_pharmacien: str | None = None


@dataclass(frozen=True, slots=True)
class DirectoryView:
    """The rights of who acts and the directory entries that some forms name, by national id.

    ``patterns_of_others`` are the domain patterns (offre, pattern) that others administer on this plateforme; empty
    when no form asks for an address that they could reserve. Not ``is_whole``: a directory elsewhere did not answer, so
    that who is not here may be in it. ``closed`` are the products that take no demande now.
    """

    origin: Origin
    rights: Rights
    structures: dict[str, Structure]
    personnes: dict[str, Personne]
    rattachements: frozenset[tuple[str, str]]
    patterns_of_others: frozenset[tuple[Offre, str]] = frozenset()
    is_whole: bool = True
    closed: frozenset[tuple[Offre, Usage]] = frozenset()

    @property
    def acteur(self) -> Acteur:
        """Whose rights these are."""
        return self.origin.acteur
