"""The operations on revocations, a part of ``ServiceLots``; each is safe to repeat."""

from __future__ import annotations

from collections.abc import Iterator

from clients.contract.revocations import (
    AccuseRevocation,
    BilanVerificationRevocations,
    CriteresRevocation,
    DemandeRevocation,
    DetailRevocation,
    LotRevocations,
    PageRevocations,
    RevocationSuivie,
)
from clients.contract.translation import to_message
from clients.contract.values import AccuseLot, BilanAnnulation
from clients.service.calls import Calls, turn_pages


class RevocationCalls(Calls):
    """What ``ServiceLots`` can do with revocations."""

    def revoquer_certificat(self, revocation: DemandeRevocation) -> AccuseRevocation:
        """Revokes one certificate, at once or on a day; one that was revoked before is told as DEJA_REVOQUE.

        Raises Introuvable for a certificate that is not visible, Conflit for one that is to be withdrawn or has
        expired, AccesRefuse without the right.
        """
        return self._call(AccuseRevocation, "revoquerCertificat", revocation=to_message(revocation))

    def abandonner_revocation(self, numero_revocation: int) -> BilanAnnulation:
        """Gives up a revocation that waits for its day. Raises Conflit when it does not any more."""
        return self._call(BilanAnnulation, "abandonnerRevocation", numeroRevocation=numero_revocation)

    def deposer_lot_revocations(self, lot: LotRevocations) -> AccuseLot:
        """Deposits the lot and gives its index, to be followed by ``follow``; as ``deposer_lot`` otherwise."""
        return self._call(AccuseLot, "deposerLotRevocations", lotRevocations=to_message(lot))

    def verifier_lot_revocations(self, lot: LotRevocations) -> BilanVerificationRevocations:
        """The verdict on each item; nothing is revoked."""
        return self._call(BilanVerificationRevocations, "verifierLotRevocations", lotRevocations=to_message(lot))

    def lister_revocations_lot(
        self, index_lot: int, *, a_partir_de: int | None = None, taille: int | None = None
    ) -> PageRevocations:
        """One page of the revocations of a lot; ``iter_revocations_lot`` turns the pages."""
        return self._call(
            PageRevocations, "listerRevocationsLot", indexLot=index_lot, aPartirDe=a_partir_de, taille=taille
        )

    def rechercher_revocations(
        self, criteres: CriteresRevocation, *, a_partir_de: int | None = None, taille: int | None = None
    ) -> PageRevocations:
        """One page of the revocations that the actor may follow; ``iter_revocations`` turns the pages."""
        return self._call(
            PageRevocations,
            "rechercherRevocations",
            criteres=to_message(criteres),
            aPartirDe=a_partir_de,
            taille=taille,
        )

    def consulter_revocation(self, numero_revocation: int) -> DetailRevocation:
        """One with its history."""
        return self._call(DetailRevocation, "consulterRevocation", numeroRevocation=numero_revocation)

    def iter_revocations_lot(self, index_lot: int, *, taille: int = 500) -> Iterator[RevocationSuivie]:
        """Every revocation of a lot, by position."""
        for page in turn_pages(lambda start: self.lister_revocations_lot(index_lot, a_partir_de=start, taille=taille)):
            yield from page.revocation

    def iter_revocations(self, criteres: CriteresRevocation, *, taille: int = 500) -> Iterator[RevocationSuivie]:
        """Every revocation that answers the criteria."""
        for page in turn_pages(lambda start: self.rechercher_revocations(criteres, a_partir_de=start, taille=taille)):
            yield from page.revocation
