"""``RetraitsPort``: withdrawals."""

from __future__ import annotations

from registration.authority.area import Area
from registration.policy import DEFAULT_PAGE
from registration.retrait_views import CleNavigateur, RetraitCriteria, RetraitEnCours, RetraitsPrets
from registration.retraits import preparing, withdrawing
from registration.values import (
    Acteur,
    Origin,
)
from registration.views import (
    Retrait,
    RetraitConditions,
    RetraitPage,
)
from runtime.clock import Clock
from storage.database import Database


class Retraits(Area):
    """``RetraitsPort`` over the tables."""

    def __init__(self, db: Database, clock: Clock, remise: withdrawing.Remise) -> None:
        super().__init__(db, clock)
        self._remise = remise

    def withdraw(self, origin: Origin, numero: int, conditions: RetraitConditions) -> Retrait:
        """See ``withdrawing.withdraw_demande``."""
        return self._run(
            withdrawing.withdraw_demande, self._remise, self._entered(origin), numero, conditions, self._clock()
        )

    def withdraw_page(
        self, origin: Origin, index: int, conditions: RetraitConditions, *, after: int = 0, limit: int = DEFAULT_PAGE
    ) -> RetraitPage:
        """See ``withdrawing.withdraw_lot_page``."""
        return self._run(
            withdrawing.withdraw_lot_page,
            self._remise,
            self._entered(origin),
            index,
            conditions,
            self._clock(),
            after=after,
            limit=limit,
        )

    def waiting(
        self, acteur: Acteur, criteria: RetraitCriteria, *, after: int = 0, limit: int = DEFAULT_PAGE
    ) -> RetraitsPrets:
        """See ``preparing.list_waiting``."""
        return self._run(preparing.list_waiting, acteur, criteria, self._clock(), after=after, limit=limit)

    def look_up(self, acteur: Acteur, numero: int) -> RetraitEnCours:
        """See ``preparing.look_up``."""
        return self._run(preparing.look_up, acteur, numero, self._clock())

    def keys_in_browsers(self, acteur: Acteur) -> tuple[CleNavigateur, ...]:
        """See ``preparing.keys_in_browsers``."""
        return self._run(preparing.keys_in_browsers, acteur, self._clock())
