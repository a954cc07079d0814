"""``ProduitsPort``: certificates."""

from __future__ import annotations

from collections.abc import Iterator

from pki.authority import common_name_of
from registration import exports
from registration.authority.area import Area
from registration.policy import DEFAULT_PAGE
from registration.produits import queries as produits
from registration.retraits import withdrawing
from registration.values import (
    Acteur,
)
from registration.views import (
    ProduitCriteria,
    ProduitDetail,
    ProduitPage,
    Telechargement,
)
from runtime.clock import Clock
from storage.database import Database


class Produits(Area):
    """``ProduitsPort`` over the tables."""

    def __init__(self, db: Database, clock: Clock, chains: withdrawing.Chains) -> None:
        super().__init__(db, clock)
        self._chains = chains
        self._names = {name: common_name_of(chain[0]) for name, chain in chains.items()}

    def search(
        self, acteur: Acteur, criteria: ProduitCriteria, *, after: int | None = None, limit: int = DEFAULT_PAGE
    ) -> ProduitPage:
        """See ``produits.search``; ERR_IHM_005 for a structure that nobody knows."""
        page = self._run(produits.search, self._names, acteur, criteria, self._clock(), after=after, limit=limit)
        self._told(acteur, criteria.structure, page.produits)
        return page

    def export(self, acteur: Acteur, criteria: ProduitCriteria) -> Iterator[bytes]:
        """See ``exports.produits_csv``."""

        def page(after: int | None = None) -> ProduitPage:
            return self.search(acteur, criteria, after=after, limit=exports.PAGE)

        return exports.produits_csv(page(), page)

    def count(self, acteur: Acteur, criteria: ProduitCriteria) -> int:
        """See ``produits.count``."""
        return self._run(produits.count, acteur, criteria, self._clock())

    def read(self, acteur: Acteur, numero: int) -> ProduitDetail:
        """See ``produits.read_produit``."""
        return self._run(produits.read_produit, self._names, acteur, numero, self._clock())

    def download(self, acteur: Acteur, numero: int) -> Telechargement:
        """See ``produits.download``."""
        return self._run(produits.download, self._names, self._chains, acteur, numero, self._clock())
