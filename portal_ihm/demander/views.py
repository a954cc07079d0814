"""Where a demande begins: the offres one may ask for, the forms under way, another one like a demande of before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse
from starlette.routing import Route

from portal_ihm.demander import etape1, etape2, etape3, etape4, finalisation
from portal_ihm.demander.composing import split_address, split_name
from portal_ihm.demander.forms import DepartForm, told
from portal_ihm.demander.parcours import GENRES, Parcours, posted
from portal_ihm.shell.context import acteur_of, caller_of, offres_of, origin_of, parse_numero, portal_of
from portal_ihm.shell.fields import with_code
from portal_ihm.shell.labels import OFFRE_TEXTS
from portal_ihm.shell.rendering import render
from portal_ihm.shell.secure_forms import TOO_OLD, read_texts
from registration.errors import AccessError, Code, IgcError, NotFoundError
from registration.vocabulary import GenreBrouillon, Offre, offre_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from registration.views import DemandeDetail


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A form that may be taken up again."""

    parcours: Parcours
    modifie_le: datetime


def depart(request: Request) -> Response:
    """What one may begin, and take up again; with ``comme`` also what another demande would take over."""
    similar, errors = None, list[str]()
    if "comme" in request.query_params:
        try:
            similar = _similar(request, request.query_params["comme"])
        except AccessError:
            raise
        except IgcError as error:
            errors = [told(error)]
    return _page(request, errors, similar=similar)


async def commencer(request: Request) -> Response:
    """Begin a form: of an offre, or like a demande, which leads to step 3 at once."""
    return await run_in_threadpool(_begin, request, await read_texts(request))


async def abandonner(request: Request) -> Response:
    """Forget a form under way, from the page where they all stand."""
    return await run_in_threadpool(_give_up, request, await read_texts(request))


def annuler(parcours: Parcours, data: FormData, _file: object) -> Response:
    """Forget it and go home."""
    if not DepartForm(parcours.request, data).validate():
        return _page(parcours.request, [TOO_OLD], status=422)
    portal_of(parcours.request).authority.brouillons.drop(caller_of(parcours.request), parcours.brouillon.id)
    return RedirectResponse("/demander", status_code=303)


def _begin(request: Request, data: FormData) -> Response:
    form = DepartForm(request, data)
    if not form.validate():
        return _page(request, [TOO_OLD], status=422)
    comme = form.comme.data or request.query_params.get("comme")
    if comme:
        try:
            donnees = _taken_over(request, _similar(request, comme))
        except AccessError:
            raise
        except IgcError as error:
            return _page(request, [told(error)], status=422)
    else:
        offre = offre_of(form.offre.data)
        if offre is None or offre not in offres_of(request.scope):
            code = Code.OFFRE_MISSING if offre is None else Code.HABILITATION_MISSING
            return _page(request, [with_code(code)], status=422)
        donnees = {"etape1": {"offre": offre.value}}
    begun = portal_of(request).authority.brouillons.begin(caller_of(request), GenreBrouillon.DEMANDE, donnees)
    return Parcours(request, begun).go(3 if comme else 1)


def _give_up(request: Request, data: FormData) -> Response:
    form = DepartForm(request, data)
    if not form.validate():
        return _page(request, [TOO_OLD], status=422)
    portal_of(request).authority.brouillons.drop(caller_of(request), form.brouillon.data or "")
    return RedirectResponse("/demander", status_code=303)


def _similar(request: Request, text: str) -> DemandeDetail:
    numero = parse_numero(text)
    if numero is None:
        raise NotFoundError(Code.DEMANDE_UNKNOWN)
    detail = portal_of(request).authority.demandes.read(acteur_of(request), numero)
    if detail.demande.offre is None or detail.demande.usage is None:
        raise NotFoundError(Code.DEMANDE_UNKNOWN)  # it was refused for that
    return detail


def _taken_over(request: Request, detail: DemandeDetail) -> dict[str, Any]:
    """The steps of a form like this demande; refused where he may not ask for such a product now."""
    like = detail.demande
    offre, usage = like.offre or Offre.PS, like.usage
    ouverture = portal_of(request).authority.demandes.ouverture(
        origin_of(request), offre, like.structure, like.beneficiaire if offre in {Offre.PRO, Offre.PS} else None
    )
    product: dict[str, Any] = {
        "usage": "" if usage is None else usage.value,
        "service_applicatif": like.service_applicatif or "",
        "upn": detail.upn or "",
        "email_acteur": detail.email_acteur or "",
        "email_informe": detail.email_informe or "",
    }
    if like.adresse_email:
        product |= split_address(like.adresse_email, ouverture)
    if like.fqdns:
        pairs = (split_name(fqdn, ouverture.domaines_serveur) for fqdn in like.fqdns)
        product["fqdns"] = [{"texte": texte, "domaine": domaine} for texte, domaine in pairs]
    return {
        "etape1": {
            "offre": offre.value,
            "structure": ouverture.structure,
            "raison_sociale_structure": ouverture.raison_sociale,
            "beneficiaire": ouverture.beneficiaire,
            "nom_beneficiaire": ouverture.beneficiaire_libelle,
        },
        "etape2": {"renouvelle": None},
        "etape3": product,
    }


def _page(request: Request, errors: list[str], *, similar: DemandeDetail | None = None, status: int = 200) -> Response:
    offres = offres_of(request.scope)
    under_way = portal_of(request).authority.brouillons.under_way(caller_of(request), GENRES)
    return render(
        request,
        "demander/depart.html",
        status=status,
        form=DepartForm(request),
        textes=[(offre, text) for offre, text in OFFRE_TEXTS.items() if offre in offres],
        similar=similar,
        under_way=[_UnderWay(Parcours(request, one), one.modifie_le) for one in under_way],
        other_errors=errors,
    )


ROUTES = [
    Route("/demander", depart),
    Route("/demander", commencer, methods=["POST"]),
    Route("/demander/abandonner", abandonner, methods=["POST"]),
    *etape1.ROUTES,
    *etape2.ROUTES,
    *etape3.ROUTES,
    *etape4.ROUTES,
    *finalisation.ROUTES,
    Route("/demander/{brouillon}/annuler", posted(annuler), methods=["POST"]),
]
