"""What the sender may ask for: one call of the registration authority."""

from __future__ import annotations

from spyne import Integer32, Integer64, MethodContext, Service, rpc

from registration.policy import DEFAULT_PAGE
from registration.views import Droit as DroitView
from ws.contract.kinds import optional, required
from ws.droits.types import Domaine, Droit, PageDroits


class DroitOperations(Service):
    """Names and arguments are those of the WSDL; ``ctx.udc`` is the Call."""

    @rpc(optional(Integer64), optional(Integer32), _returns=required(PageDroits), _out_variable_name="page")
    def mesDroits(ctx: MethodContext, aPartirDe: int | None, taille: int | None) -> PageDroits:
        """The rights of the sender, by page."""
        page = ctx.udc.authority.acteurs.droits(
            ctx.udc.origin.acteur, after=aPartirDe or 0, limit=taille or DEFAULT_PAGE
        )
        return PageDroits(
            pourSoi=page.pour_soi,
            nombre=len(page.droits),
            droit=[_droit(view) for view in page.droits],
            suivant=page.next_after,
        )


def _droit(view: DroitView) -> Droit:
    return Droit(
        offre=view.offre.value,
        structure=view.structure,
        raisonSociale=view.raison_sociale,
        par=None if view.par is None else view.par.value,
        domaine=[Domaine(nom=each.domaine, saisie=each.saisie.value) for each in view.domaines],
    )
