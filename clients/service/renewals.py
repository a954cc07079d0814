"""What is to renew, as Python calls of ``ServiceLots``; a renewal itself is a demande of a lot."""

from __future__ import annotations

from collections.abc import Iterator

from clients.contract.values import DemandeSuivie, PageDemandes
from clients.service.calls import Calls, turn_pages


class RenewalCalls(Calls):
    """What ``ServiceLots`` can ask about certificates that end."""

    def lister_a_renouveler(
        self,
        *,
        jours: int | None = None,
        offre: str | None = None,
        usage: str | None = None,
        structure: str | None = None,
        a_partir_de: int | None = None,
        taille: int | None = None,
    ) -> PageDemandes:
        """One page of what the actor may renew now, what ends first first; ``iter_to_renew`` turns the pages."""
        return self._call(
            PageDemandes,
            "listerARenouveler",
            jours=jours,
            offre=offre,
            usage=usage,
            structure=structure,
            aPartirDe=a_partir_de,
            taille=taille,
        )

    def iter_to_renew(
        self,
        *,
        jours: int | None = None,
        offre: str | None = None,
        usage: str | None = None,
        structure: str | None = None,
        taille: int = 500,
    ) -> Iterator[DemandeSuivie]:
        """Every product that the actor may renew now and that has no renewal yet."""
        pages = turn_pages(
            lambda start: self.lister_a_renouveler(
                jours=jours, offre=offre, usage=usage, structure=structure, a_partir_de=start, taille=taille
            )
        )
        for page in pages:
            yield from page.demande
