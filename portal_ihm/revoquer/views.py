"""Revocation with login (guide §11.1): look for an active certificate, say why and when, and see what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse
from starlette.routing import Route

from portal_ihm.revoquer.forms import ActifsForm, RevoquerForm
from portal_ihm.revoquer.target import Target, read_target
from portal_ihm.shell.context import acteur_of, named_numero, origin_of, portal_of
from portal_ihm.shell.rendering import render
from portal_ihm.shell.revoking import told
from portal_ihm.shell.searching.pages import Recherche, results_page
from portal_ihm.shell.writing import read_texts
from registration.errors import AccessError, Code, ConflictError, IgcError
from registration.views import ProduitCriteria, ProduitPage
from registration.vocabulary import EtatProduit, ResultatRevocation

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.datastructures import FormData
    from starlette.requests import Request
    from starlette.responses import Response

_ALREADY = "deja=oui"


def _criteria(form: ActifsForm, now: datetime) -> ProduitCriteria:
    since, until = form.bounds(form.intervalles[0], now)
    return ProduitCriteria(**form.common(), etat=EtatProduit.ACTIF, issued_since=since, issued_until=until)


_ACTIFS = Recherche[ActifsForm, ProduitCriteria, ProduitPage](
    name="actifs",
    path="/revoquer",
    template="revoquer/etape1.html",
    form=ActifsForm,
    area=lambda authority: authority.produits,
    criteria=_criteria,
    rows=lambda page: (page.produits, page.next_after),
    produit=lambda row: row.numero,
)


def etape1(request: Request) -> Response:
    """Active certificates, the latest when nothing is asked for (guide figures 169 to 173)."""
    return results_page(request, _ACTIFS)


def etape2(request: Request) -> Response:
    """Why and when (guide figures 174, 175); 409 for what cannot be revoked, with what to do instead."""
    target = read_target(request)
    return _page(request, target, _form(request, None, target), [], status=200 if target.motifs else 409)


async def finaliser(request: Request) -> Response:
    """Revoke, once however often it is sent, and lead to the end; or the form again with what is wrong."""
    return await run_in_threadpool(_revoke, request, await read_texts(request))


def fin(request: Request) -> Response:
    """What was done (guide figure 176); a reload shows it again and does nothing."""
    portal, acteur = portal_of(request), acteur_of(request)
    with portal.authority.view():
        found = portal.authority.revocations.read(acteur, named_numero(request, Code.REVOCATION_UNKNOWN)).revocation
        produit = found.numero_produit
        possible = portal.authority.demandes.possible(acteur, [] if produit is None else [produit])
    return render(
        request,
        "revoquer/fin.html",
        revocation=found,
        acts=[act.value for can in possible.values() for act in can.acts],
        already="deja" in request.query_params and found.revoque_le is not None,
    )


def _revoke(request: Request, data: FormData) -> Response:
    target = read_target(request)
    form, portal = _form(request, data, target), portal_of(request)
    if not target.motifs:
        # A second click finds what the first one did.
        done = target.revoked_by
        if done is not None:
            return RedirectResponse(f"/revoquer/fin/{done.numero}?{_ALREADY}", status_code=303)
        return _page(request, target, form, [], status=409)
    wish = form.wish(target.numero, form.role)
    if not form.is_sound(wish, portal.clock()):
        return _page(request, target, form, form.general_errors, status=422)
    try:
        result = portal.authority.revocations.revoke(origin_of(request), wish)
    except AccessError:
        raise
    except IgcError as refusal:
        is_late = isinstance(refusal, ConflictError)
        errors = [] if form.place(refusal) else [told(refusal)]
        return _page(request, read_target(request), form, errors, status=409 if is_late else 422)
    suffix = f"?{_ALREADY}" if result.resultat is ResultatRevocation.DEJA_REVOQUE else ""
    if result.numero is None:
        return RedirectResponse(f"/revoquer/{target.numero}", status_code=303)
    return RedirectResponse(f"/revoquer/fin/{result.numero}{suffix}", status_code=303)


def _form(request: Request, data: FormData | None, target: Target) -> RevoquerForm:
    return RevoquerForm(request, data, target.can.roles, target.motifs)


def _page(request: Request, target: Target, form: RevoquerForm, errors: list[str], *, status: int) -> Response:
    return render(
        request,
        "revoquer/etape2.html",
        status=status,
        target=target,
        view=target.view,
        produit=target.produit,
        acts=[act.value for act in target.can.acts],
        form=form,
        errors=errors,
    )


ROUTES = [
    Route("/revoquer", etape1),
    Route("/revoquer/{numero}", etape2),
    Route("/revoquer/{numero}", finaliser, methods=["POST"]),
    Route("/revoquer/fin/{numero}", fin),
]
