"""``DirectoryPort``: the directory."""

from __future__ import annotations

from registration.authority.area import Area
from registration.directory import searching
from registration.directory.port import Directory
from registration.policy import DEFAULT_PAGE
from registration.values import (
    Acteur,
)
from registration.views import (
    PersonneCriteria,
    PersonnePage,
    StructureCriteria,
    StructurePage,
)
from registration.vocabulary import Offre
from runtime.clock import Clock
from storage.database import Database


class Annuaire(Area):
    """``DirectoryPort`` over the adapter that the settings choose."""

    def __init__(self, db: Database, clock: Clock, directory: Directory) -> None:
        super().__init__(db, clock)
        self._directory = directory

    def search_structures(
        self, acteur: Acteur, criteria: StructureCriteria, *, offre: Offre | None = None, limit: int = DEFAULT_PAGE
    ) -> StructurePage:
        """See ``searching.search_structures``."""
        return self._run(searching.search_structures, self._directory, acteur, criteria, offre=offre, limit=limit)

    def search_personnes(
        self, acteur: Acteur, structure: str, criteria: PersonneCriteria, *, limit: int = DEFAULT_PAGE
    ) -> PersonnePage:
        """See ``searching.search_personnes``."""
        return self._run(searching.search_personnes, self._directory, acteur, structure, criteria, limit=limit)
