"""The operation of the contract on rights, as Python calls of ``ServiceLots``."""

from __future__ import annotations

from collections.abc import Iterator

from clients.contract.droits import PageDroits
from clients.service.calls import Calls, turn_pages


class DroitCalls(Calls):
    """What ``ServiceLots`` can tell of the rights of the actor."""

    def mes_droits(self, *, a_partir_de: int | None = None, taille: int | None = None) -> PageDroits:
        """One page of the rights of the actor at this moment; ``iter_droits`` turns the pages."""
        return self._call(PageDroits, "mesDroits", aPartirDe=a_partir_de, taille=taille)

    def iter_droits(self, *, taille: int = 500) -> Iterator[PageDroits]:
        """Every page; the first one is there even when it has no right."""
        return turn_pages(lambda start: self.mes_droits(a_partir_de=start, taille=taille))
