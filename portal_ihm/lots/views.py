"""The room for lots: those one may follow, one of them with what waits and what was refused, its items, its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, StreamingResponse
from starlette.routing import Route

from portal_ihm.lots.advice import advice_of
from portal_ihm.lots.forms import TOO_OLD, ConfirmForm
from portal_ihm.lots.rows import etat_named, etats_of, read_refused, read_rows
from portal_ihm.shell.context import acteur_of, form_session, origin_of, parse_numero, portal_of
from portal_ihm.shell.paging import SIZES, make_paging, read_place
from portal_ihm.shell.rendering import render
from registration.errors import Code, NotFoundError
from registration.vocabulary import EtatDemande, EtatLot, NatureLot

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from registration.views import LotFollowUp

REFRESH_SECONDS = 5
_REFUSED_SHOWN = 20
_CANCELLABLE = {
    NatureLot.CERTIFICATS: (EtatDemande.ENREGISTREE, EtatDemande.VALIDEE, EtatDemande.TRANSMISE),
    NatureLot.REVOCATIONS: (EtatDemande.ENREGISTREE, EtatDemande.VALIDEE),
}


def liste(request: Request) -> Response:
    """The lots that the acteur may follow, newest first."""
    params = request.query_params
    nature = next((one for one in NatureLot if one.value == params.get("nature")), None)
    place = read_place(params)
    lots = portal_of(request).authority.lots
    page = lots.list_lots(acteur_of(request), nature=nature, after=place.after, limit=place.size)
    return render(
        request,
        "lots/liste.html",
        lots=page.lots,
        nature=nature,
        natures=tuple(NatureLot),
        query="" if nature is None else f"nature={nature.value}&",
        paging=make_paging(place, len(page.lots), 0, page.next_after),
        sizes=SIZES,
    )


def lot(request: Request) -> Response:
    """One lot: how far it is, what waits for whom and until when, what was refused and what to do about it.

    As long as the batch is at it the page asks for itself again, unless its reader has stopped that (WCAG 2.2.2).
    """
    found = _followed(request)
    authority, acteur = portal_of(request).authority, acteur_of(request)
    params = request.query_params
    moves = found.etat is EtatLot.EN_COURS
    is_paused = params.get("pause") == "1"
    page = render(
        request,
        "lots/lot.html",
        lot=found,
        etats=[etat for etat in etats_of(found.nature) if found.counts[etat]],
        waiting=authority.lots.waiting(acteur, found.index),
        refused=[
            (row, advice_of(row.refusal.code if row.refusal else ""))
            for row in read_refused(authority, acteur, found, _REFUSED_SHOWN)
        ],
        refused_in_all=found.counts[EtatDemande.REJETEE] + found.counts[EtatDemande.NON_TRAITEE],
        refused_etat=EtatDemande.REJETEE if found.counts[EtatDemande.REJETEE] else EtatDemande.NON_TRAITEE,
        may_cancel=any(found.counts[etat] for etat in _CANCELLABLE[found.nature]),
        moves=moves,
        is_paused=is_paused,
        seconds=REFRESH_SECONDS,
        now=portal_of(request).clock(),
        deposited={"1": "nouveau", "deja": "deja"}.get(params.get("depose", "")),
        cancelled=None if "annulees" not in params else parse_numero(params["annulees"]) or 0,
    )
    if moves and not is_paused:
        page.headers["Refresh"] = f"{REFRESH_SECONDS}; url=/lots/{found.index}"
    return page


def elements(request: Request) -> Response:
    """The items of a lot by position, all or those in one etat."""
    found = _followed(request)
    etats = [etat for etat in etats_of(found.nature) if found.counts[etat]]
    etat = etat_named(request.query_params.get("etat", ""), etats_of(found.nature))
    place = read_place(request.query_params)
    rows, following = read_rows(
        portal_of(request).authority, acteur_of(request), found, etat, after=place.after or 0, limit=place.size
    )
    total = found.nombre if etat is None else found.counts[etat]
    return render(
        request,
        "lots/elements.html",
        lot=found,
        rows=rows,
        etat=etat,
        etats=etats,
        query="" if etat is None else f"etat={etat.value}&",
        paging=make_paging(place, len(rows), total, following),
        sizes=SIZES,
    )


def verdicts(request: Request) -> Response:
    """What became of every item, as CSV, streamed. Refusals come before the answer begins."""
    found = _followed(request)
    chunks = portal_of(request).authority.lots.export(acteur_of(request), found.index)
    name = f"lot-{found.index}-verdicts.csv"
    return StreamingResponse(
        chunks, media_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def confirmation(request: Request) -> Response:
    """What cancelling this lot would do, and the button that does it."""
    return _confirmation(request, _form(request, None))


async def annulation(request: Request) -> Response:
    """Cancel what can still be; a repetition finds everything unchanged."""
    async with request.form(max_files=0, max_fields=10, max_part_size=1024) as data:
        texts = FormData([(name, value) for name, value in data.multi_items() if isinstance(value, str)])
        return await run_in_threadpool(_cancel, request, texts)


def _cancel(request: Request, data: FormData) -> Response:
    form = _form(request, data)
    found = _followed(request)
    if not form.validate():
        return _confirmation(request, form, status=422)
    result = portal_of(request).authority.lots.cancel(origin_of(request), found.index)
    return RedirectResponse(f"/lots/{found.index}?annulees={result.cancelled}", status_code=303)


def _confirmation(request: Request, form: ConfirmForm, *, status: int = 200) -> Response:
    found = _followed(request)
    return render(
        request,
        "lots/annuler.html",
        status=status,
        lot=found,
        form=form,
        left=[etat for etat in _CANCELLABLE[found.nature] if found.counts[etat]],
        errors=[("", TOO_OLD)] if form["csrf_token"].errors else [],
    )


def _form(request: Request, data: FormData | None) -> ConfirmForm:
    return ConfirmForm(data, form_session(request), portal_of(request).csrf_secret)


def _followed(request: Request) -> LotFollowUp:
    """The lot that the path names; NotFoundError alike for one that the acteur may not see and for nonsense."""
    index = parse_numero(request.path_params["index"])
    if index is None:
        raise NotFoundError(Code.LOT_UNKNOWN)
    return portal_of(request).authority.lots.follow(acteur_of(request), index=index)


ROUTES = [
    Route("/lots", liste),
    Route("/lots/{index}", lot),
    Route("/lots/{index}/elements", elements),
    Route("/lots/{index}/verdicts.csv", verdicts),
    Route("/lots/{index}/annuler", confirmation),
    Route("/lots/{index}/annuler", annulation, methods=["POST"]),
]
