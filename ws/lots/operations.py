"""Operations on lots, each one call of the registration authority."""

from __future__ import annotations

from spyne import Integer32, Integer64, MethodContext, Service, Unicode, rpc

from registration.errors import Code, IgcError
from registration.values import LotForm
from ws.contract.kinds import AccuseLot, BilanAnnulation, optional, required
from ws.contract.rendering import accuse_lot, bilan_annulation
from ws.lots import rendering
from ws.lots.types import BilanVerification, Lot, SuiviLot


def check_one_key(index: int | None, reference: str | None) -> None:
    """Refuse (ERR_WS_038) unless a lot is named in exactly one of its two ways."""
    if (index is None) == (reference is None):
        raise IgcError(
            Code.CRITERIA_INVALID,
            champ="indexLot",
            raison="indiquez soit indexLot, soit reference, et un seul des deux.",
        )


class LotOperations(Service):
    """Names and arguments are those of the WSDL; ``ctx.udc`` is the Call."""

    @rpc(required(Lot), _returns=required(AccuseLot), _out_variable_name="accuse")
    def deposerLot(ctx: MethodContext, lot: LotForm) -> AccuseLot:
        """Deposit a lot."""
        return accuse_lot(ctx.udc.authority.lots.submit(ctx.udc.origin, lot))

    @rpc(required(Lot), _returns=required(BilanVerification), _out_variable_name="bilan")
    def verifierLot(ctx: MethodContext, lot: LotForm) -> BilanVerification:
        """Check a lot, keep nothing."""
        return rendering.bilan_verification(ctx.udc.authority.lots.verify(ctx.udc.origin, lot))

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
        """Progress of a lot; the wait asked for is over when this is called (``ws.serving.waiting``)."""
        del versionConnue, attente
        check_one_key(indexLot, reference)
        call = ctx.udc
        return rendering.suivi(call.authority.lots.follow(call.origin.acteur, index=indexLot, reference=reference))

    @rpc(required(Integer64), _returns=required(BilanAnnulation), _out_variable_name="bilan")
    def annulerLot(ctx: MethodContext, indexLot: int) -> BilanAnnulation:
        """Cancel what can still be cancelled of a lot."""
        return bilan_annulation(ctx.udc.authority.lots.cancel(ctx.udc.origin, indexLot))
