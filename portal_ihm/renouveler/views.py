"""Renewal from everywhere: what is due in one's whole perimeter, and the start of one renewal (guide §8.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse
from starlette.routing import Route

from portal_ihm.shell.context import acteur_of, caller_of, origin_of, parse_numero, portal_of
from portal_ihm.shell.labels import in_words_of_the_guide, refusal_text
from portal_ihm.shell.rendering import render
from portal_ihm.shell.renewable import RenouvelablesForm, renewal_criteria
from portal_ihm.shell.secure_forms import TOO_OLD, SecureForm, read_texts
from registration.errors import AccessError, Code, IgcError, NotFoundError
from registration.values import DemandeForm
from registration.vocabulary import GenreBrouillon

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from registration.views import DemandeDetail, DemandePage

_SHOWN = 20


def liste(request: Request) -> Response:
    """What ends first first; the criteria stand in the address."""
    form, errors = RenouvelablesForm(request.query_params), list[str]()
    found: DemandePage | None = None
    if form.validate():
        after = parse_numero(request.query_params.get("apres", ""))
        demandes = portal_of(request).authority.demandes
        try:
            found = demandes.to_renew(acteur_of(request), renewal_criteria(form), after=after, limit=_SHOWN)
        except AccessError:
            raise
        except IgcError as error:
            errors = [_told(error)]
    query = {name: value for name, value in form.data.items() if value}
    return render(
        request,
        "renouveler/liste.html",
        status=200 if found is not None else 422,
        search=form,
        form=SecureForm(request),
        found=found,
        is_later="apres" in request.query_params,
        first=f"/renouveler?{urlencode(query)}",
        following=None if found is None or found.next_after is None else urlencode(query | {"apres": found.next_after}),
        other_errors=errors,
    )


def produit(request: Request) -> Response:
    """One product, and whether it may be renewed now or why not."""
    detail = _detail(request)
    return _page(request, detail, _refusals(request, detail))


async def commencer(request: Request) -> Response:
    """Begin the renewal with the contacts of the product; its step 3 comes next."""
    return await run_in_threadpool(_begin, request, await read_texts(request))


def _begin(request: Request, data: FormData) -> Response:
    detail = _detail(request)
    if not SecureForm(request, data).validate():
        return _page(request, detail, [TOO_OLD], status=422)
    if errors := _refusals(request, detail):
        return _page(request, detail, errors, status=422)
    like = detail.demande
    donnees = {
        "etape1": {
            "offre": like.offre,
            "structure": like.structure,
            "raison_sociale_structure": like.raison_sociale,
            "beneficiaire": like.beneficiaire,
            "nom_beneficiaire": like.beneficiaire_libelle,
        },
        "etape2": {"renouvelle": like.numero},
    }
    brouillons = portal_of(request).authority.brouillons
    begun = brouillons.begin(caller_of(request), GenreBrouillon.RENOUVELLEMENT, donnees)
    return RedirectResponse(f"/demander/{begun.id}/etape-3", status_code=303)


def _detail(request: Request) -> DemandeDetail:
    numero = parse_numero(request.path_params["numero"])
    if numero is None:
        raise NotFoundError(Code.DEMANDE_UNKNOWN)
    return portal_of(request).authority.demandes.read(acteur_of(request), numero)


def _refusals(request: Request, detail: DemandeDetail) -> list[str]:
    form = DemandeForm(renouvelle=str(detail.demande.numero))
    apercu = portal_of(request).authority.demandes.foresee(origin_of(request), form)
    return [_told(refusal) for refusal in apercu.refusals]


def _told(error: IgcError) -> str:
    worded = in_words_of_the_guide(error)
    return f"{refusal_text(worded)} ({worded.code.value})"


def _page(request: Request, detail: DemandeDetail, errors: list[str], *, status: int = 200) -> Response:
    return render(
        request, "renouveler/produit.html", status=status, form=SecureForm(request), detail=detail, errors=errors
    )


ROUTES = [
    Route("/renouveler", liste),
    Route("/renouveler/{numero}", produit),
    Route("/renouveler/{numero}", commencer, methods=["POST"]),
]
