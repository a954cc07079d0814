"""``TableauPort``: what an acteur finds when he comes."""

from __future__ import annotations

from registration.authority.area import Area
from registration.revocation_views import Tableau
from registration.tableau import reading
from registration.values import Acteur


class Tableaux(Area):
    """``TableauPort`` over the tables."""

    def read(self, acteur: Acteur) -> Tableau:
        """See ``reading.read_tableau``."""
        return self._run(reading.read_tableau, acteur, self._clock())
