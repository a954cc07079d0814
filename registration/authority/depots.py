"""``DepotsPort``: lots read from a file, looked at before they are sent."""

from __future__ import annotations

from registration.authority.area import Area
from registration.lots import preparing
from registration.policy import LotPolicy
from registration.revocation.targets import AuthorityNames
from registration.values import Caller, LotForm, Origin, RevocationLotForm
from registration.views import Depot, LotReceipt, Verification
from runtime.clock import Clock
from storage.database import Database


class Depots(Area):
    """``DepotsPort`` over the tables."""

    def __init__(self, db: Database, clock: Clock, policy: LotPolicy, names: AuthorityNames) -> None:
        super().__init__(db, clock)
        self._policy, self._names = policy, names

    def prepare(self, origin: Origin, form: LotForm | RevocationLotForm) -> Depot:
        """See ``preparing.prepare``."""
        return self._run(preparing.prepare, self._entered(origin), form, self._clock(), self._policy)

    def read(self, who: Caller | Origin, ident: str) -> Depot:
        """See ``preparing.read``."""
        return self._run(preparing.read, who, ident, self._clock())

    def check(self, origin: Origin, ident: str) -> Verification:
        """See ``preparing.check``."""
        return self._run(preparing.check, origin, ident, self._names, self._clock, self._policy)

    def submit(self, origin: Origin, ident: str) -> LotReceipt:
        """See ``preparing.send``."""
        return self._run(preparing.send, self._entered(origin), ident, self._names, self._clock, self._policy)
