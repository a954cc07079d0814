"""What a directory must be able to answer: the tables do, and so does an LDAP server (batch/directory/ldap.py)."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple, Protocol

from registration.directory.entries import PersonneEntry, RattachementEntry, StructureEntry
from registration.rules.names import Pattern


class Entries(NamedTuple):
    """What a directory knows of some ids."""

    structures: tuple[StructureEntry, ...] = ()
    personnes: tuple[PersonneEntry, ...] = ()
    rattachements: tuple[RattachementEntry, ...] = ()


class Wanted(NamedTuple):
    """Which persons are looked for; what is None does not count."""

    id_national: str | None = None
    nom: Pattern | None = None
    prenom: Pattern | None = None


class Directory(Protocol):
    """The directory of one plateforme. Every method raises DirectoryAwayError when it does not answer in time."""

    def read(self, structures: Collection[str], personnes: Collection[str]) -> Entries:
        """What is known of these ids; the rattachements of the persons to those of the structures."""

    def find_structures(
        self, among: Collection[str] | None, raison_sociale: Pattern | None, limit: int
    ) -> list[StructureEntry]:
        """Structures, of these ids (None: of all), by folded raison sociale and id; ``limit`` at the most."""

    def find_personnes(self, structure: str | None, wanted: Wanted, limit: int) -> list[PersonneEntry]:
        """Persons attached to the structure (None: all), by folded name, first name and id; ``limit`` at the most."""
