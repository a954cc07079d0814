"""``DemandesPort``: demandes of both canals."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from registration import exports
from registration.authority.area import Area
from registration.demandes import cancellation, preparing, queries, renewable, single
from registration.demandes.possible import possible_acts
from registration.policy import DEFAULT_PAGE, LotPolicy
from registration.values import (
    Acteur,
    DemandeForm,
    Origin,
)
from registration.views import (
    Apercu,
    CancelResult,
    DemandeDetail,
    DemandePage,
    OffreOuverte,
    Possible,
    RenewalCriteria,
    SearchCriteria,
)
from registration.vocabulary import Offre
from runtime.clock import Clock
from storage.database import Database


class Demandes(Area):
    """``DemandesPort`` over the tables."""

    def __init__(self, db: Database, clock: Clock, policy: LotPolicy) -> None:
        super().__init__(db, clock)
        self._policy = policy

    def submit(self, origin: Origin, form: DemandeForm, *, brouillon: str | None = None) -> int:
        """See ``single.submit``."""
        return self._run(single.submit, self._entered(origin), form, self._clock(), self._policy, brouillon=brouillon)

    def ouverture(
        self, origin: Origin, offre: Offre, structure: str | None, beneficiaire: str | None = None
    ) -> OffreOuverte:
        """See ``preparing.read_ouverture``."""
        return self._run(preparing.read_ouverture, origin, offre, structure, beneficiaire, self._clock(), self._policy)

    def foresee(self, origin: Origin, form: DemandeForm) -> Apercu:
        """See ``preparing.foresee``."""
        return self._run(preparing.foresee, origin, form, self._clock(), self._policy)

    def search(
        self, acteur: Acteur, criteria: SearchCriteria, *, after: int | None = None, limit: int = DEFAULT_PAGE
    ) -> DemandePage:
        """See ``queries.search``; ERR_IHM_005 for a structure that nobody knows."""
        page = self._run(queries.search, acteur, criteria, self._clock(), after=after, limit=limit)
        self._told(acteur, criteria.structure, page.demandes)
        return page

    def export(self, acteur: Acteur, criteria: SearchCriteria) -> Iterator[bytes]:
        """See ``exports.demandes_csv``."""

        def page(after: int | None = None) -> DemandePage:
            return self.search(acteur, criteria, after=after, limit=exports.PAGE)

        return exports.demandes_csv(page(), page)

    def export_to_renew(self, acteur: Acteur, criteria: RenewalCriteria) -> Iterator[bytes]:
        """See ``exports.demandes_csv``."""

        def page(after: int | None = None) -> DemandePage:
            return self.to_renew(acteur, criteria, after=after, limit=exports.PAGE)

        return exports.demandes_csv(page(), page)

    def count(self, acteur: Acteur, criteria: SearchCriteria) -> int:
        """See ``queries.count``."""
        return self._run(queries.count, acteur, criteria, self._clock())

    def possible(self, acteur: Acteur, numeros: Collection[int]) -> Mapping[int, Possible]:
        """See ``possible.possible_acts``."""
        return self._run(possible_acts, acteur, numeros, self._clock(), self._policy)

    def to_renew(
        self, acteur: Acteur, criteria: RenewalCriteria, *, after: int | None = None, limit: int = DEFAULT_PAGE
    ) -> DemandePage:
        """See ``renewable.list_to_renew``; ERR_IHM_005 for a structure that nobody knows."""
        page = self._run(
            renewable.list_to_renew, acteur, criteria, self._clock(), self._policy, after=after, limit=limit
        )
        self._told(acteur, criteria.structure, page.demandes)
        return page

    def read(self, acteur: Acteur, numero: int) -> DemandeDetail:
        """See ``queries.read_demande``."""
        return self._run(queries.read_demande, acteur, numero, self._clock())

    def cancel(self, origin: Origin, numero: int) -> CancelResult:
        """See ``cancellation.cancel_demande``."""
        return self._run(cancellation.cancel_demande, self._entered(origin), numero, self._clock())
