"""Operations on produits of both canals, each one call of the registration authority."""

from __future__ import annotations

from spyne import Integer32, Integer64, MethodContext, Service, rpc

from registration.policy import DEFAULT_PAGE
from registration.views import ProduitCriteria
from registration.vocabulary import EtatProduit
from ws.contract.kinds import optional, required
from ws.demandes.operations import common_criteria
from ws.produits import rendering
from ws.produits.types import CertificatActif, CriteresProduits, DetailProduit, PageProduits


class ProduitOperations(Service):
    """Names and arguments are those of the WSDL; ``ctx.udc`` is the Call."""

    @rpc(
        required(CriteresProduits),
        optional(Integer64),
        optional(Integer32),
        _returns=required(PageProduits),
        _out_variable_name="page",
    )
    def rechercherProduits(
        ctx: MethodContext, criteres: CriteresProduits, aPartirDe: int | None, taille: int | None
    ) -> PageProduits:
        """Search produits of both canals."""
        page = ctx.udc.authority.produits.search(
            ctx.udc.origin.acteur, _criteria(criteres), after=aPartirDe, limit=taille or DEFAULT_PAGE
        )
        return rendering.page_produits(page)

    @rpc(required(Integer64), _returns=required(DetailProduit), _out_variable_name="detail")
    def consulterProduit(ctx: MethodContext, numeroProduit: int) -> DetailProduit:
        """Read one produit with the history of its demande."""
        return rendering.detail(ctx.udc.authority.produits.read(ctx.udc.origin.acteur, numeroProduit))

    @rpc(required(Integer64), _returns=required(CertificatActif), _out_variable_name="certificatActif")
    def telechargerCertificat(ctx: MethodContext, numeroProduit: int) -> CertificatActif:
        """Download one active certificate."""
        return rendering.certificat_actif(ctx.udc.authority.produits.download(ctx.udc.origin.acteur, numeroProduit))


def _criteria(given: CriteresProduits) -> ProduitCriteria:
    return ProduitCriteria(
        **common_criteria(given),
        numero=given.numeroProduit,
        etat=None if given.etatProduit is None else EtatProduit(given.etatProduit),
        issued_since=given.emisDepuis,
        issued_until=given.emisJusqua,
        ends_since=given.finDepuis,
        ends_until=given.finJusqua,
    )
