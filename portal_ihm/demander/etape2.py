"""Step 2: a new product, or one of those that are to be renewed, which are searched for (guide §8.1.2, §8.6.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import FormData
from starlette.routing import Route

from portal_ihm.demander.forms import told
from portal_ihm.demander.parcours import STEPS, Parcours, posted, shown, text_of
from portal_ihm.shell.context import acteur_of, origin_of, parse_numero, portal_of
from portal_ihm.shell.rendering import render
from portal_ihm.shell.renewable import RenouvelablesForm, renewal_criteria
from portal_ihm.shell.secure_forms import TOO_OLD, SecureForm
from registration.errors import Code, IgcError
from registration.values import DemandeForm
from registration.vocabulary import Offre

if TYPE_CHECKING:
    from starlette.responses import Response

    from registration.views import DemandePage

_SHOWN = 50


def page(parcours: Parcours) -> Response:
    """The choice; products only once they were searched for."""
    return _page(parcours, [])


def envoi(parcours: Parcours, data: FormData, _file: object) -> Response:
    """Go on with a new product, or with the renewal of one that may be renewed now."""
    if not (form := SecureForm(parcours.request, data)).validate():
        return _page(parcours, [TOO_OLD if form.is_too_old else ""], status=422)
    if data.get("action") != "renouveler":
        parcours.keep(2, {"renouvelle": None})
        return parcours.go(3)
    numero = parse_numero(text_of(data, "numero"))
    refusals: tuple[IgcError, ...] = (IgcError(Code.DEMANDE_UNKNOWN),)
    if numero is not None:
        wanted = DemandeForm(renouvelle=str(numero))
        refusals = portal_of(parcours.request).authority.demandes.foresee(origin_of(parcours.request), wanted).refusals
    if refusals or numero is None:
        return _page(parcours, [told(refusal) for refusal in refusals], status=422)
    if parcours.renouvelle != numero:
        parcours.keep(3, {})  # its contacts are those of the product
    parcours.keep(2, {"renouvelle": numero})
    return parcours.go(3)


def _page(parcours: Parcours, errors: list[str], *, status: int = 200) -> Response:
    params = parcours.request.query_params
    search = RenouvelablesForm(params)
    search.narrow(parcours.offre)
    found: DemandePage | None = None
    if "chercher" in params and search.validate():
        criteria = renewal_criteria(
            search,
            offre=parcours.offre,
            structure=parcours.structure,
            beneficiaire=parcours.beneficiaire if parcours.offre is Offre.PRO else None,
        )
        demandes = portal_of(parcours.request).authority.demandes
        try:
            found = demandes.to_renew(acteur_of(parcours.request), criteria, limit=_SHOWN)
        except IgcError as error:
            errors = [*errors, told(error)]
    return render(
        parcours.request,
        "demander/etape2.html",
        status=status,
        parcours=parcours,
        steps=STEPS,
        form=SecureForm(parcours.request),
        search=search,
        found=found,
        other_errors=errors,
    )


ROUTES = [
    Route("/demander/{brouillon}/etape-2", shown(page, 2)),
    Route("/demander/{brouillon}/etape-2", posted(envoi), methods=["POST"]),
]
