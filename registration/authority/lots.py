"""``LotsPort``: lots."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from registration.authority.area import Area
from registration.lots import deposit, follow_up, listing, verdicts, waiting
from registration.lots.cancelling import cancel_lot
from registration.policy import DEFAULT_PAGE, LotPolicy
from registration.values import (
    Acteur,
    LotForm,
    Origin,
)
from registration.views import (
    CancelResult,
    DemandePage,
    LotFollowUp,
    LotReceipt,
    LotsPage,
    Verdict,
    Waiting,
)
from registration.vocabulary import EtatDemande, NatureLot
from runtime.clock import Clock
from storage.database import Database


class Lots(Area):
    """``LotsPort`` over the tables."""

    def __init__(self, db: Database, clock: Clock, policy: LotPolicy) -> None:
        super().__init__(db, clock)
        self._policy = policy

    def submit(self, origin: Origin, form: LotForm) -> LotReceipt:
        """See ``deposit.submit``."""
        return self._run(deposit.submit, self._entered(origin), form, self._clock(), self._policy)

    def verify(self, origin: Origin, form: LotForm) -> tuple[Verdict, ...]:
        """See ``deposit.verify``."""
        return self._run(deposit.verify, origin, form, self._clock(), self._policy)

    def follow(self, acteur: Acteur, *, index: int | None = None, reference: str | None = None) -> LotFollowUp:
        """See ``follow_up.follow_lot``."""
        return self._run(follow_up.follow_lot, acteur, index=index, reference=reference)

    def list_lots(
        self, acteur: Acteur, *, nature: NatureLot | None = None, after: int | None = None, limit: int = DEFAULT_PAGE
    ) -> LotsPage:
        """See ``listing.list_lots``."""
        return self._run(listing.list_lots, acteur, nature=nature, after=after, limit=limit)

    def marks(self, indexes: Collection[int]) -> Mapping[int, str]:
        """See ``follow_up.marks``."""
        return self._run(follow_up.marks, indexes)

    def list_demandes(
        self, acteur: Acteur, index: int, *, etat: EtatDemande | None = None, after: int = 0, limit: int = DEFAULT_PAGE
    ) -> DemandePage:
        """See ``follow_up.list_lot``."""
        return self._run(follow_up.list_lot, acteur, index, self._clock(), etat=etat, after=after, limit=limit)

    def waiting(self, acteur: Acteur, index: int) -> Waiting:
        """See ``waiting.waiting_of_lot``."""
        return self._run(waiting.waiting_of_lot, acteur, index)

    def export(self, acteur: Acteur, index: int) -> Iterator[bytes]:
        """See ``verdicts.verdicts_csv``."""
        return self._run(verdicts.verdicts_csv, acteur, index, self._clock)

    def cancel(self, origin: Origin, index: int) -> CancelResult:
        """See ``cancelling.cancel_lot``."""
        return self._run(cancel_lot, self._entered(origin), index, self._clock)
