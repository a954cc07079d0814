"""The end: all of it with what the certificate will say, then one demande and its numero (guide figure 48)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from starlette.datastructures import FormData
from starlette.routing import Route

from portal_ihm.demander.composing import csr_of, demande_of, typed_of
from portal_ihm.demander.etape3 import ouverture_of
from portal_ihm.demander.forms import told
from portal_ihm.demander.parcours import GENRES, STEPS, Parcours, gone, posted, shown
from portal_ihm.demander.renewal import renewed_of
from portal_ihm.shell.context import acteur_of, caller_of, origin_of, portal_of
from portal_ihm.shell.rendering import render
from portal_ihm.shell.secure_forms import TOO_OLD, SecureForm
from registration.errors import AccessError, IgcError, NotFoundError
from registration.views import Apercu

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from registration.values import DemandeForm

_STEP_OF = {"offre": (1, ""), "structure": (1, "structure"), "beneficiaire": (1, "beneficiaire"), "csr": (4, "csr")}
_AT = {
    "usage": "usage",
    "serviceApplicatif": "service_applicatif",
    "adresseEmail": "adresse",
    "fqdn": "fqdn",
    "upn": "upn",
    "emailActeur": "email_acteur",
    "emailInforme": "email_informe",
}


def page(parcours: Parcours) -> Response:
    """Everything that was typed, what it gives, and every refusal with the way to its field."""
    return _page(parcours, [])


def envoi(parcours: Parcours, data: FormData, _file: object) -> Response:
    """Place the demande, once; what is refused now stands above the recapitulation."""
    form = SecureForm(parcours.request, data)
    if not form.validate():
        return _page(parcours, [("", TOO_OLD)], status=422)
    try:
        _submit(parcours)
    except (AccessError, NotFoundError):
        raise
    except IgcError as error:
        return _page(parcours, [_refused(parcours, error)], status=422)
    return parcours.go("confirmation")


def confirmation(request: Request) -> Response:
    """The numero of what was just sent; a reload shows it again and places nothing."""
    portal, caller = portal_of(request), caller_of(request)
    brouillon = portal.authority.brouillons.read(caller, request.path_params["brouillon"])
    if brouillon is None or brouillon.genre not in GENRES:
        return gone(request)
    parcours = Parcours(request, brouillon)
    if brouillon.numero is None:
        return parcours.go(parcours.reached)
    detail = portal.authority.demandes.read(acteur_of(request), brouillon.numero)
    return render(
        request, "demander/confirmation.html", detail=detail, demande=detail.demande, parcours=parcours, steps=STEPS
    )


def _submit(parcours: Parcours) -> int:
    origin = parcours.origin(origin_of(parcours.request))
    form = _demande(parcours)
    return portal_of(parcours.request).authority.demandes.submit(origin, form, brouillon=parcours.brouillon.id)


def _demande(parcours: Parcours) -> DemandeForm:
    return demande_of(parcours, None if parcours.renouvelle is not None else ouverture_of(parcours))


def _refused(parcours: Parcours, error: IgcError) -> tuple[str, str]:
    """(address of the field, text)."""
    champ = error.champ or ""
    if champ in _STEP_OF:
        step, anchor = _STEP_OF[champ]
        if parcours.renouvelle is not None and step == 1:
            return "", told(error)
        return parcours.url(step) + (f"#{anchor}" if anchor else ""), told(error)
    return (f"{parcours.url(3)}#{_AT[champ]}" if champ in _AT else ""), told(error)


def _page(parcours: Parcours, errors: list[tuple[str, str]], *, status: int = 200) -> Response:
    apercu = Apercu(refusals=())
    try:
        demande = _demande(parcours)
        origin = parcours.origin(origin_of(parcours.request))
        apercu = portal_of(parcours.request).authority.demandes.foresee(origin, demande)
        found = [_refused(parcours, refusal) for refusal in apercu.refusals]
    except IgcError as error:
        found = [_refused(parcours, error)]
    errors = [*errors, *(one for one in found if one not in errors)]
    detail = renewed_of(parcours) if parcours.renouvelle is not None else None
    return render(
        parcours.request,
        "demander/finalisation.html",
        status=status,
        parcours=parcours,
        steps=STEPS,
        form=SecureForm(parcours.request),
        typed=typed_of(parcours),
        detail=detail,
        apercu=apercu,
        errors=errors,
        csr=parcours.etape(4),
        empreinte=hashlib.sha256(csr_of(parcours) or b"").hexdigest(),
    )


ROUTES = [
    Route("/demander/{brouillon}/finalisation", shown(page, 5)),
    Route("/demander/{brouillon}/finalisation", posted(envoi), methods=["POST"]),
    Route("/demander/{brouillon}/confirmation", confirmation),
]
