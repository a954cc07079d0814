"""``RetraitsPort``: withdrawals."""

from __future__ import annotations

from registration.authority.area import Area
from registration.policy import DEFAULT_PAGE
from registration.retraits import withdrawing
from registration.values import (
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
