"""Operations that withdraw certificates, each one call of the registration authority."""

from __future__ import annotations

from spyne import Integer32, Integer64, MethodContext, Service, rpc

from registration.policy import DEFAULT_PAGE
from registration.views import RetraitConditions
from ws.contract.kinds import optional, required
from ws.retraits import rendering
from ws.retraits.types import ConditionsRetrait, PageRetraits, Retrait


class RetraitOperations(Service):
    """Names and arguments are those of the WSDL; ``ctx.udc`` is the Call."""

    @rpc(required(Integer64), required(ConditionsRetrait), _returns=required(Retrait), _out_variable_name="retrait")
    def retirerDemande(ctx: MethodContext, numeroDemande: int, conditions: ConditionsRetrait) -> Retrait:
        """Withdraw one certificate."""
        view = ctx.udc.authority.retraits.withdraw(ctx.udc.origin, numeroDemande, _conditions(conditions))
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
        page = ctx.udc.authority.retraits.withdraw_page(
            ctx.udc.origin, indexLot, _conditions(conditions), after=aPartirDe or 0, limit=taille or DEFAULT_PAGE
        )
        return rendering.page_retraits(page)


def _conditions(given: ConditionsRetrait) -> RetraitConditions:
    return RetraitConditions(
        code=given.codeRevocation or "",
        confirmation=given.confirmation or "",
        cgu_accepted=given.acceptationCgu,
    )
