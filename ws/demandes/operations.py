"""Operations on demandes of both canals, each one call of the registration authority."""

from __future__ import annotations

from typing import Any

from spyne import Integer32, Integer64, MethodContext, Service, Unicode, rpc

from registration.policy import DEFAULT_PAGE
from registration.views import PersonneCriteria, RenewalCriteria, SearchCriteria
from registration.vocabulary import ALL_OFFRES, EtatDemande, Offre, Usage
from ws.contract.kinds import BilanAnnulation, optional, required
from ws.contract.rendering import bilan_annulation
from ws.demandes import rendering
from ws.demandes.types import CriteresRecherche, DetailDemande, PageDemandes


class DemandeOperations(Service):
    """Names and arguments are those of the WSDL; ``ctx.udc`` is the Call."""

    @rpc(
        required(Integer64),
        optional(Unicode),
        optional(Integer64),
        optional(Integer32),
        _returns=required(PageDemandes),
        _out_variable_name="page",
    )
    def listerDemandesLot(
        ctx: MethodContext, indexLot: int, etat: str | None, aPartirDe: int | None, taille: int | None
    ) -> PageDemandes:
        """The demandes of a lot, by page."""
        page = ctx.udc.authority.lots.list_demandes(
            ctx.udc.origin.acteur,
            indexLot,
            etat=None if etat is None else EtatDemande(etat),
            after=aPartirDe or 0,
            limit=taille or DEFAULT_PAGE,
        )
        return rendering.page_demandes(page)

    @rpc(required(Integer64), _returns=required(BilanAnnulation), _out_variable_name="bilan")
    def annulerDemande(ctx: MethodContext, numeroDemande: int) -> BilanAnnulation:
        """Cancel one demande."""
        return bilan_annulation(ctx.udc.authority.demandes.cancel(ctx.udc.origin, numeroDemande))

    @rpc(
        required(CriteresRecherche),
        optional(Integer64),
        optional(Integer32),
        _returns=required(PageDemandes),
        _out_variable_name="page",
    )
    def rechercherDemandes(
        ctx: MethodContext, criteres: CriteresRecherche, aPartirDe: int | None, taille: int | None
    ) -> PageDemandes:
        """Search demandes of both canals."""
        page = ctx.udc.authority.demandes.search(
            ctx.udc.origin.acteur, _criteria(criteres), after=aPartirDe, limit=taille or DEFAULT_PAGE
        )
        return rendering.page_demandes(page)

    @rpc(
        optional(Integer32),
        optional(Unicode),
        optional(Unicode),
        optional(Unicode),
        optional(Integer64),
        optional(Integer32),
        _returns=required(PageDemandes),
        _out_variable_name="page",
    )
    def listerARenouveler(
        ctx: MethodContext,
        jours: int | None,
        offre: str | None,
        usage: str | None,
        structure: str | None,
        aPartirDe: int | None,
        taille: int | None,
    ) -> PageDemandes:
        """What is to renew now, by page."""
        criteria = RenewalCriteria(
            offre=None if offre in {None, ALL_OFFRES} else Offre(offre),
            usage=None if usage is None else Usage(usage),
            structure=structure,
            jours=jours,
        )
        page = ctx.udc.authority.demandes.to_renew(
            ctx.udc.origin.acteur, criteria, after=aPartirDe, limit=taille or DEFAULT_PAGE
        )
        return rendering.page_demandes(page)

    @rpc(required(Integer64), _returns=required(DetailDemande), _out_variable_name="detail")
    def consulterDemande(ctx: MethodContext, numeroDemande: int) -> DetailDemande:
        """Read one demande with its history."""
        return rendering.detail(ctx.udc.authority.demandes.read(ctx.udc.origin.acteur, numeroDemande))


def common_criteria(given: Any) -> dict[str, Any]:  # noqa: ANN401 -- criteria of either search
    """What the searches of the contract have in common, as members of CommonCriteria."""
    return {
        "index_lot": given.indexLot,
        "offre": None if given.offre in {None, ALL_OFFRES} else Offre(given.offre),
        "all_offres": given.offre == ALL_OFFRES,
        "usage": None if given.usage is None else Usage(given.usage),
        "structure": given.structure,
        "raison_sociale": given.raisonSociale,
        "beneficiaire": PersonneCriteria(
            id_national=given.beneficiaire, nom=given.nomBeneficiaire, prenom=given.prenomBeneficiaire
        ),
        "demandeur": PersonneCriteria(
            id_national=given.demandeur, nom=given.nomDemandeur, prenom=given.prenomDemandeur
        ),
        "service_applicatif": given.serviceApplicatif,
        "adresse_email": given.adresseEmail,
        "fqdn": given.fqdn,
    }


def _criteria(given: CriteresRecherche) -> SearchCriteria:
    return SearchCriteria(
        **common_criteria(given),
        numero=given.numeroDemande,
        etat=None if given.etat is None else EtatDemande(given.etat),
        since=given.depuis,
        until=given.jusqua,
    )
