"""The operations of the contract, each one call of the registration authority."""

# ruff: noqa: N805  # spyne gives these functions a context, not an instance

from __future__ import annotations

from dataclasses import dataclass

from spyne import Integer32, Integer64, MethodContext, Service, Unicode, rpc

from registration.authority import RegistrationAuthority
from registration.errors import Code, IgcError
from registration.values import LotForm, Origin
from registration.views import RetraitConditions, SearchCriteria
from registration.vocabulary import EtatDemande, Offre, Usage
from runtime.clock import system_clock
from ws import rendering
from ws.contract_types import (
    AccuseLot,
    BilanAnnulation,
    BilanVerification,
    ConditionsRetrait,
    CriteresRecherche,
    DetailDemande,
    EtatService,
    Lot,
    PageDemandes,
    PageRetraits,
    Retrait,
    SuiviLot,
    optional,
    required,
)
from ws.soap import CONTRACT_VERSION
from ws.xml_gate import Request

DEFAULT_PAGE = 100


@dataclass(frozen=True, kw_only=True)
class Call:
    """What an operation needs beside its arguments; ``lot`` is set for the two operations that carry one."""

    request: Request
    authority: RegistrationAuthority
    origin: Origin
    max_items: int
    max_bytes: int
    lot: LotForm | None = None


def check_one_key(index: int | None, reference: str | None) -> None:
    """Refuse (ERR_WS_038) unless a lot is named in exactly one of its two ways."""
    if (index is None) == (reference is None):
        raise IgcError(
            Code.CRITERIA_INVALID,
            champ="indexLot",
            raison="indiquez soit indexLot, soit reference, et un seul des deux.",
        )


class LotsService(Service):
    """Names and arguments are those of the WSDL; ``ctx.udc`` is the Call."""

    @rpc(required(Lot), _returns=required(AccuseLot), _out_variable_name="accuse")
    def deposerLot(ctx: MethodContext, lot: LotForm) -> AccuseLot:
        """Deposit a lot."""
        return rendering.accuse(ctx.udc.authority.submit_lot(ctx.udc.origin, lot))

    @rpc(required(Lot), _returns=required(BilanVerification), _out_variable_name="bilan")
    def verifierLot(ctx: MethodContext, lot: LotForm) -> BilanVerification:
        """Check a lot, keep nothing."""
        return rendering.bilan_verification(ctx.udc.authority.verify_lot(ctx.udc.origin, lot))

    @rpc(
        optional(Integer64),
        optional(Unicode),
        optional(Unicode),
        optional(Integer32),
        _returns=required(SuiviLot),
        _out_variable_name="suivi",
    )
    def suivreLot(
        ctx: MethodContext, indexLot: int | None, reference: str | None, versionConnue: str | None, attente: int | None
    ) -> SuiviLot:
        """Progress of a lot; the wait asked for is over when this is called (``ws.waiting``)."""
        del versionConnue, attente
        check_one_key(indexLot, reference)
        return rendering.suivi(ctx.udc.authority.follow_lot(ctx.udc.origin.acteur, index=indexLot, reference=reference))

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
        page = ctx.udc.authority.list_lot(
            ctx.udc.origin.acteur,
            indexLot,
            etat=None if etat is None else EtatDemande(etat),
            after=aPartirDe or 0,
            limit=taille or DEFAULT_PAGE,
        )
        return rendering.page_demandes(page)

    @rpc(required(Integer64), required(ConditionsRetrait), _returns=required(Retrait), _out_variable_name="retrait")
    def retirerDemande(ctx: MethodContext, numeroDemande: int, conditions: ConditionsRetrait) -> Retrait:
        """Withdraw one certificate."""
        view = ctx.udc.authority.withdraw_demande(ctx.udc.origin, numeroDemande, _conditions(conditions))
        return rendering.retrait(view)

    @rpc(
        required(Integer64),
        required(ConditionsRetrait),
        optional(Integer64),
        optional(Integer32),
        _returns=required(PageRetraits),
        _out_variable_name="page",
    )
    def retirerPageLot(
        ctx: MethodContext, indexLot: int, conditions: ConditionsRetrait, aPartirDe: int | None, taille: int | None
    ) -> PageRetraits:
        """Withdraw a page of a lot."""
        page = ctx.udc.authority.withdraw_lot_page(
            ctx.udc.origin, indexLot, _conditions(conditions), after=aPartirDe or 0, limit=taille or DEFAULT_PAGE
        )
        return rendering.page_retraits(page)

    @rpc(required(Integer64), _returns=required(BilanAnnulation), _out_variable_name="bilan")
    def annulerDemande(ctx: MethodContext, numeroDemande: int) -> BilanAnnulation:
        """Cancel one demande."""
        return rendering.bilan_annulation(ctx.udc.authority.cancel_demande(ctx.udc.origin, numeroDemande))

    @rpc(required(Integer64), _returns=required(BilanAnnulation), _out_variable_name="bilan")
    def annulerLot(ctx: MethodContext, indexLot: int) -> BilanAnnulation:
        """Cancel what can still be cancelled of a lot."""
        return rendering.bilan_annulation(ctx.udc.authority.cancel_lot(ctx.udc.origin, indexLot))

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
        page = ctx.udc.authority.search(
            ctx.udc.origin.acteur, _criteria(criteres), after=aPartirDe, limit=taille or DEFAULT_PAGE
        )
        return rendering.page_demandes(page)

    @rpc(required(Integer64), _returns=required(DetailDemande), _out_variable_name="detail")
    def consulterDemande(ctx: MethodContext, numeroDemande: int) -> DetailDemande:
        """Read one demande with its history."""
        return rendering.detail(ctx.udc.authority.read_demande(ctx.udc.origin.acteur, numeroDemande))

    @rpc(_returns=required(EtatService), _out_variable_name="etatService")
    def consulterService(ctx: MethodContext) -> EtatService:
        """State and limits of the service."""
        return EtatService(
            plateforme=ctx.udc.authority.plateforme.value,
            versionContrat=CONTRACT_VERSION,
            heure=system_clock(),
            acteur=ctx.udc.origin.acteur.libelle,
            demandesParLot=ctx.udc.max_items,
            octetsParMessage=ctx.udc.max_bytes,
        )


def _conditions(given: ConditionsRetrait) -> RetraitConditions:
    return RetraitConditions(
        code=given.codeRevocation or "",
        confirmation=given.confirmation or "",
        cgu_accepted=given.acceptationCgu,
    )


def _criteria(given: CriteresRecherche) -> SearchCriteria:
    return SearchCriteria(
        numero=given.numeroDemande,
        index_lot=given.indexLot,
        offre=None if given.offre is None else Offre(given.offre),
        usage=None if given.usage is None else Usage(given.usage),
        etat=None if given.etat is None else EtatDemande(given.etat),
        structure=given.structure,
        beneficiaire=given.beneficiaire,
        service_applicatif=given.serviceApplicatif,
        adresse_email=given.adresseEmail,
        fqdn=given.fqdn,
        since=given.depuis,
        until=given.jusqua,
    )
