"""What a directory says, whoever it is: structures, persons, who works where; and an extract that says it by lines."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import NamedTuple, Protocol

from registration.vocabulary import SourceAnnuaire
from runtime.errors import OperatorError


class ExtractError(OperatorError):
    """The file as a whole is not what it should be: nothing of it is taken. The text is French."""


class StructureEntry(NamedTuple):
    """A structure as a directory describes it."""

    id_national: str
    raison_sociale: str
    departement: str


class PersonneEntry(NamedTuple):
    """A person as a directory describes him."""

    id_national: str
    type_personne: str
    nom: str
    prenom: str
    titre: str
    code_profession: int | None = None
    code_formation: int | None = None
    savoir_faire: str | None = None
    tableau_pharmacien: str | None = None


class RattachementEntry(NamedTuple):
    """A person works in a structure."""

    id_personne: str
    id_structure: str


class Reject(NamedTuple):
    """Why a line, or a part of it, is left out: its number (1 is the first of the file), a column of it, French."""

    ligne: int
    colonne: str
    raison: str


class Line(NamedTuple):
    """What one line of an extract says.

    ``seen`` are ids that stand in the line although it says nothing that can be used: who is named there has not gone.
    """

    number: int
    structure: StructureEntry | None = None
    personne: PersonneEntry | None = None
    rattachement: RattachementEntry | None = None
    rejects: tuple[Reject, ...] = ()
    seen: tuple[str, ...] = ()


class Extract(Protocol):
    """A file that has been opened, and whose header is known to be right.

    ``is_whole``: what it does not name any more has gone. Where ``scope`` is not None it only speaks for these
    structures, and those that its lines name: of others nothing is known.
    """

    @property
    def source(self) -> SourceAnnuaire:
        """Whose word it is."""

    @property
    def name(self) -> str:
        """The name of the file, without its folder."""

    @property
    def is_whole(self) -> bool:
        """Whether what it leaves out has gone."""

    @property
    def scope(self) -> AbstractSet[str] | None:
        """The structures of which it speaks at least; None when it speaks of all that its source knows."""

    def digest(self) -> bytes:
        """SHA-256 of the extract, unpacked."""

    def lines(self) -> Iterator[Line]:
        """Line by line, in little memory; ExtractError for a file that ends in the middle."""
