"""The operation of the contract on rights, as Python calls of ``ServiceLots``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from clients.contract.droits import PageDroits
from clients.contract.translation import Value


class DroitCalls:
    """What ``ServiceLots`` can tell of the rights of the actor."""

    def _call(self, kind: type[Value], operation: str, **arguments: Any) -> Value:  # noqa: ANN401 -- of the contract
        raise NotImplementedError

    def mes_droits(self, *, a_partir_de: int | None = None, taille: int | None = None) -> PageDroits:
        """One page of the rights of the actor at this moment; ``iter_droits`` turns the pages."""
        return self._call(PageDroits, "mesDroits", aPartirDe=a_partir_de, taille=taille)

    def iter_droits(self, *, taille: int = 500) -> Iterator[PageDroits]:
        """Every page; the first one is there even when it has no right."""
        start: int | None = None
        while True:
            page = self.mes_droits(a_partir_de=start, taille=taille)
            yield page
            if page.suivant is None:
                return
            start = page.suivant
