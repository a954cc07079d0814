"""The operations of the contract on produits, as Python calls of ``ServiceLots``."""

from __future__ import annotations

from collections.abc import Iterator

from clients.contract.produits import CertificatActif, CriteresProduits, DetailProduit, PageProduits, Produit
from clients.contract.translation import to_message
from clients.service.calls import Calls, turn_pages


class ProduitCalls(Calls):
    """What ``ServiceLots`` can do with certificates once they are signed."""

    def rechercher_produits(
        self, criteres: CriteresProduits, *, a_partir_de: int | None = None, taille: int | None = None
    ) -> PageProduits:
        """One page of the certificates that the actor may follow, newest first; ``iter_produits`` turns the pages."""
        return self._call(
            PageProduits, "rechercherProduits", criteres=to_message(criteres), aPartirDe=a_partir_de, taille=taille
        )

    def consulter_produit(self, numero_produit: int) -> DetailProduit:
        """One certificate with its subject and the history of its demande."""
        return self._call(DetailProduit, "consulterProduit", numeroProduit=numero_produit)

    def telecharger_certificat(self, numero_produit: int) -> CertificatActif:
        """An active certificate. Raises Conflit for one that is to be withdrawn, has expired or is revoked."""
        return self._call(CertificatActif, "telechargerCertificat", numeroProduit=numero_produit)

    def iter_produits(self, criteres: CriteresProduits, *, taille: int = 500) -> Iterator[Produit]:
        """Every certificate that answers the criteria."""
        for page in turn_pages(lambda start: self.rechercher_produits(criteres, a_partir_de=start, taille=taille)):
            yield from page.produit
