"""Operations on revocations, each one call of the registration authority."""

from __future__ import annotations

from spyne import Integer32, Integer64, MethodContext, Service, rpc

from registration.policy import DEFAULT_PAGE
from registration.values import RevocationLotForm
from registration.views import CancelResult
from ws.contract.kinds import AccuseLot, BilanAnnulation, optional, required
from ws.contract.rendering import accuse_lot, bilan_annulation
from ws.revocations import rendering
from ws.revocations.types import (
    AccuseRevocation,
    BilanVerificationRevocations,
    CriteresRevocation,
    DemandeRevocation,
    DetailRevocation,
    LotRevocations,
    PageRevocations,
)


class RevocationOperations(Service):
    """Names and arguments are those of the WSDL; ``ctx.udc`` is the Call."""

    @rpc(required(DemandeRevocation), _returns=required(AccuseRevocation), _out_variable_name="accuse")
    def revoquerCertificat(ctx: MethodContext, revocation: DemandeRevocation) -> AccuseRevocation:
        """Revoke one certificate, at once or on a day."""
        call = ctx.udc
        return rendering.accuse(call.authority.revocations.revoke(call.origin, rendering.form(revocation)))

    @rpc(required(Integer64), _returns=required(BilanAnnulation), _out_variable_name="bilan")
    def abandonnerRevocation(ctx: MethodContext, numeroRevocation: int) -> BilanAnnulation:
        """Give one up before its day."""
        done = ctx.udc.authority.revocations.give_up(ctx.udc.origin, numeroRevocation)
        return bilan_annulation(CancelResult(cancelled=int(done), unchanged=int(not done)))

    @rpc(required(LotRevocations), _returns=required(AccuseLot), _out_variable_name="accuse")
    def deposerLotRevocations(ctx: MethodContext, lotRevocations: RevocationLotForm) -> AccuseLot:
        """Deposit a lot of them."""
        return accuse_lot(ctx.udc.authority.revocations.submit(ctx.udc.origin, lotRevocations))

    @rpc(required(LotRevocations), _returns=required(BilanVerificationRevocations), _out_variable_name="bilan")
    def verifierLotRevocations(ctx: MethodContext, lotRevocations: RevocationLotForm) -> BilanVerificationRevocations:
        """Check a lot of them, revoke nothing."""
        return rendering.bilan_verification(ctx.udc.authority.revocations.verify(ctx.udc.origin, lotRevocations))

    @rpc(
        required(Integer64),
        optional(Integer64),
        optional(Integer32),
        _returns=required(PageRevocations),
        _out_variable_name="page",
    )
    def listerRevocationsLot(
        ctx: MethodContext, indexLot: int, aPartirDe: int | None, taille: int | None
    ) -> PageRevocations:
        """Those of a lot, by page."""
        call, limit = ctx.udc, taille or DEFAULT_PAGE
        found = call.authority.revocations.list_lot(call.origin.acteur, indexLot, after=aPartirDe or 0, limit=limit)
        return rendering.page(found)

    @rpc(
        required(CriteresRevocation),
        optional(Integer64),
        optional(Integer32),
        _returns=required(PageRevocations),
        _out_variable_name="page",
    )
    def rechercherRevocations(
        ctx: MethodContext, criteres: CriteresRevocation, aPartirDe: int | None, taille: int | None
    ) -> PageRevocations:
        """Search those of both canals."""
        call, criteria = ctx.udc, rendering.criteria(criteres)
        found = call.authority.revocations.search(
            call.origin.acteur, criteria, after=aPartirDe, limit=taille or DEFAULT_PAGE
        )
        return rendering.page(found)

    @rpc(required(Integer64), _returns=required(DetailRevocation), _out_variable_name="detail")
    def consulterRevocation(ctx: MethodContext, numeroRevocation: int) -> DetailRevocation:
        """Read one with its history."""
        return rendering.detail(ctx.udc.authority.revocations.read(ctx.udc.origin.acteur, numeroRevocation))
