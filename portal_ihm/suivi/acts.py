"""What is done from the follow-up, each with a page that asks first: cancel a demande, give a revocation up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from portal_ihm.shell.context import acteur_of, named_numero, origin_of, portal_of, read_visible
from portal_ihm.shell.rendering import render
from portal_ihm.shell.writing import FormThatWrites, read_texts
from registration.errors import AccessError, Code, ConflictError
from registration.vocabulary import LABELS, Action, EtatDemande, EtatRevocation, ResultatRevocation

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.requests import Request
    from starlette.responses import Response

    from registration.revocation_views import RevocationDetail
    from registration.views import DemandeDetail

ALREADY = "deja"
_NOW = "oui"


def annulation(request: Request) -> Response:
    """Ask for confirmation (guide figure 116); 403 without the right, 409 too late, with what to do instead."""
    return _cancel_page(request, read_visible(request), None)


async def annuler(request: Request) -> Response:
    """Cancel, once however often it is sent; the page of the demande says which it was."""
    return await run_in_threadpool(_cancel, request, await read_texts(request))


def abandon(request: Request) -> Response:
    """Ask for confirmation; 403 and 409 as ``annulation``."""
    return _give_up_page(request, read_revocation(request), None)


async def abandonner(request: Request) -> Response:
    """Give a revocation up that waits for its day, once however often it is sent."""
    return await run_in_threadpool(_give_up, request, await read_texts(request))


def read_revocation(request: Request) -> RevocationDetail:
    """The demande de révocation that the path names; NotFoundError alike for one of others and for nonsense."""
    numero = named_numero(request, Code.REVOCATION_UNKNOWN)
    return portal_of(request).authority.revocations.read(acteur_of(request), numero)


def emails_of(found: DemandeDetail) -> list[str]:
    """Who is told by mail of what becomes of a demande, each once."""
    return list(dict.fromkeys(email for email in (found.email_acteur, found.email_informe) if email))


def _cancel(request: Request, data: FormData) -> Response:
    form = FormThatWrites(request, data)
    if not form.validate():
        return _cancel_page(request, read_visible(request), form)
    numero = named_numero(request)
    try:
        result = portal_of(request).authority.demandes.cancel(origin_of(request), numero)
    except ConflictError as refusal:
        return _cancel_page(request, read_visible(request), form, refusal)
    said = _NOW if result.cancelled else ALREADY
    return RedirectResponse(f"/suivi/demandes/{numero}?annulee={said}", status_code=303)


def _cancel_page(
    request: Request, found: DemandeDetail, form: FormThatWrites | None, refusal: ConflictError | None = None
) -> Response:
    demande = found.demande
    can = portal_of(request).authority.demandes.possible(acteur_of(request), [demande.numero]).get(demande.numero)
    acts = frozenset() if can is None else can.acts
    if refusal is None and Action.ANNULER not in acts:
        if Action.DEMANDER not in acts:  # no right to such a product: not to cancel it either
            raise AccessError(Code.HABILITATION_MISSING)
        refusal = ConflictError(Code.CANCEL_TOO_LATE, etat=LABELS[demande.etat])
    status = 200 if form is None else 422
    return render(
        request,
        "suivi/annuler.html",
        status=status if refusal is None else 409,
        demande=demande,
        can=can,
        emails=emails_of(found),
        form=form or FormThatWrites(request, None),
        too_late=None if refusal is None else _advice(refusal, demande.etat),
    )


def _advice(refusal: ConflictError, etat: EtatDemande) -> str:
    told = f"{refusal.text} ({refusal.code.value})"
    return f"{told} Son certificat est retiré : il peut être révoqué." if etat is EtatDemande.CLOSE else told


def _give_up(request: Request, data: FormData) -> Response:
    form = FormThatWrites(request, data)
    if not form.validate():
        return _give_up_page(request, read_revocation(request), form)
    numero = named_numero(request, Code.REVOCATION_UNKNOWN)
    try:
        portal_of(request).authority.revocations.give_up(origin_of(request), numero)
    except ConflictError as refusal:
        return _give_up_page(request, read_revocation(request), form, refusal)
    return RedirectResponse(f"/suivi/revocations/{numero}?abandonnee={_NOW}", status_code=303)


def _give_up_page(
    request: Request, found: RevocationDetail, form: FormThatWrites | None, refusal: ConflictError | None = None
) -> Response:
    row, produit = found.revocation, found.revocation.numero_produit
    can = None if produit is None else portal_of(request).authority.demandes.possible(acteur_of(request), [produit])
    if not can or produit is None or not can[produit].roles:
        raise AccessError(Code.HABILITATION_MISSING)
    if refusal is None and row.etat is not EtatRevocation.VALIDEE and row.resultat is not ResultatRevocation.ABANDONNEE:
        refusal = ConflictError(Code.REVOCATION_NOT_PENDING, etat=LABELS[row.etat])
    status = 200 if form is None else 422
    return render(
        request,
        "suivi/abandonner.html",
        status=status if refusal is None else 409,
        revocation=row,
        form=form or FormThatWrites(request, None),
        too_late=None if refusal is None else f"{refusal.text} ({refusal.code.value})",
    )
