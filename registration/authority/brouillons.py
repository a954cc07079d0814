"""``BrouillonsPort``: forms of the portal that are under way."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from registration.authority.area import Area
from registration.brouillons import keeping
from registration.values import Caller
from registration.views import Brouillon
from registration.vocabulary import GenreBrouillon


class Brouillons(Area):
    """``BrouillonsPort`` over the tables."""

    def begin(self, caller: Caller, genre: GenreBrouillon, donnees: Mapping[str, Any]) -> Brouillon:
        """See ``keeping.open_brouillon``."""
        return self._run(keeping.open_brouillon, caller, genre, donnees, self._clock())

    def read(self, caller: Caller, ident: str) -> Brouillon | None:
        """See ``keeping.read_brouillon``."""
        return self._run(keeping.read_brouillon, caller, ident, self._clock())

    def under_way(
        self, caller: Caller, genres: Collection[GenreBrouillon], *, limit: int = 10
    ) -> tuple[Brouillon, ...]:
        """See ``keeping.list_brouillons``."""
        return self._run(keeping.list_brouillons, caller, genres, self._clock(), limit)

    def keep(self, caller: Caller, ident: str, etape: str, valeurs: object) -> Brouillon | None:
        """See ``keeping.keep_step``."""
        return self._run(keeping.keep_step, caller, ident, etape, valeurs, self._clock())

    def drop(self, caller: Caller, ident: str) -> None:
        """See ``keeping.drop_brouillon``."""
        self._run(keeping.drop_brouillon, caller, ident)
