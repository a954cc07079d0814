"""Follow-up of demandes (guide §10.1): criteria, results of both canals, detail, history, CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import StreamingResponse
from starlette.routing import Route

from portal_ihm.shell.context import acteur_of, portal_of, read_visible
from portal_ihm.shell.labels import PARIS, refusal_text
from portal_ihm.shell.paging import SIZES, make_paging, read_place
from portal_ihm.shell.rendering import render
from portal_ihm.suivi.criteria import criteria_of, query_of, summary_of
from portal_ihm.suivi.forms import CriteresForm
from registration.errors import AccessError, Code, IgcError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


_WIDE_FIELDS = ("numero", "index_lot", "offre")


def criteres(request: Request) -> Response:
    """Step 1: the criteria, those of an earlier search filled in again."""
    return _criteria_page(request, CriteresForm(request.query_params))


def resultats(request: Request) -> Response:
    """Step 2: one page of results; criteria that cannot be searched for come back with their error."""
    form = CriteresForm(request.query_params)
    if not form.validate():
        return _criteria_page(request, form, status=422)
    portal, acteur = portal_of(request), acteur_of(request)
    demandes, now = portal.authority.demandes, portal.clock()
    criteria = criteria_of(form, now)
    place = read_place(request.query_params)
    try:
        page = demandes.search(acteur, criteria, after=place.after, limit=place.size)
        total = demandes.count(acteur, criteria)
    except AccessError:
        raise
    except IgcError as error:
        return _criteria_page(request, form, status=422, refusal=error)
    return render(
        request,
        "suivi/resultats.html",
        demandes=page.demandes,
        summary=summary_of(form, now),
        query=query_of(form),
        paging=make_paging(place, len(page.demandes), total, page.next_after),
        sizes=SIZES,
    )


def export(request: Request) -> Response:
    """Every result as CSV, streamed. Refusals come before the answer begins."""
    form = CriteresForm(request.query_params)
    if not form.validate():
        return _criteria_page(request, form, status=422)
    portal, acteur = portal_of(request), acteur_of(request)
    demandes, now = portal.authority.demandes, portal.clock()
    criteria = criteria_of(form, now)
    try:
        chunks = demandes.export(acteur, criteria)
    except AccessError:
        raise
    except IgcError as error:
        return _criteria_page(request, form, status=422, refusal=error)
    name = f"demandes-{now.astimezone(PARIS):%Y%m%d-%H%M}.csv"
    return StreamingResponse(
        chunks, media_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def detail(request: Request) -> Response:
    """Every field of one demande and the subject of its certificate (guide figures 45 and 148)."""
    return _demande_page(request, "suivi/detail.html")


def historique(request: Request) -> Response:
    """The history of one demande (guide figure 147)."""
    return _demande_page(request, "suivi/historique.html")


def _demande_page(request: Request, template: str) -> Response:
    found = read_visible(request)
    query = query_of(CriteresForm(request.query_params))
    return render(
        request,
        template,
        demande=found.demande,
        subject=found.subject,
        historique=found.historique,
        query=query,
        suffix=f"?{query}" if query else "",
    )


def _criteria_page(
    request: Request, form: CriteresForm, *, status: int = 200, refusal: IgcError | None = None
) -> Response:
    structures = portal_of(request).authority.acteurs.allowed_structures(acteur_of(request))
    too_wide = refusal is not None and refusal.code is Code.SEARCH_TOO_WIDE
    return render(
        request,
        "suivi/criteres.html",
        status=status,
        form=form,
        refusal=refusal,
        refusal_text=refusal_text(refusal) if refusal else None,
        wide_fields=_WIDE_FIELDS if too_wide else (),
        structures=sorted({(structure, raison) for _, structure, raison in structures}),
    )


ROUTES = [
    Route("/suivi", criteres),
    Route("/suivi/demandes", resultats),
    Route("/suivi/demandes.csv", export),
    Route("/suivi/demandes/{numero}", detail),
    Route("/suivi/demandes/{numero}/historique", historique),
]
