"""Agir pour un tiers: look for him by number, select him, and stop (guide §13, ERR_IHM_003 and 018)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse
from starlette.routing import Route

from portal_ihm.shell.context import choose_tiers, form_session, holder_of, may_act_for_others, portal_of
from portal_ihm.shell.fields import with_code
from portal_ihm.shell.rendering import render
from portal_ihm.tiers.forms import TiersForm
from registration.errors import AccessError, Code, IgcError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from registration.values import Acteur

_SELECT = "selectionner"


def formulaire(request: Request) -> Response:
    """The empty form; ERR_IHM_026 for who may not act for others."""
    _require(request)
    return _page(request, _form(request, None), None)


async def envoi(request: Request) -> Response:
    """Show whose number it is, or act for him from now on; ERR_IHM_026 for who may not, whatever was sent."""
    _require(request)
    async with request.form(max_files=0, max_fields=10, max_part_size=1024) as data:
        texts = FormData([(name, value) for name, value in data.multi_items() if isinstance(value, str)])
        return await run_in_threadpool(_submit, request, texts)


def fin(request: Request) -> Response:
    """Act in his own name again."""
    choose_tiers(request, None)
    return RedirectResponse("/", status_code=303)


def _require(request: Request) -> None:
    if not may_act_for_others(request.scope):
        raise AccessError(Code.HABILITATION_MISSING)


def _submit(request: Request, data: FormData) -> Response:
    form = _form(request, data)
    selects = data.get("action") == _SELECT
    if not form.validate():
        return _page(request, form, None, status=422)
    if selects and (not form.trouve.data or form.trouve.data != form.numero.data):
        form.numero.errors = [with_code(Code.TIERS_NOT_SEARCHED)]
        return _page(request, form, None, status=422)
    try:
        tiers = portal_of(request).authority.acteurs.act_for(holder_of(request), form.numero.data or "").acteur
    except AccessError:
        raise
    except IgcError as error:
        form.numero.errors = [f"{error.text} ({error.code.value})"]
        return _page(request, form, None, status=422)
    if selects:
        choose_tiers(request, tiers.id_national)
        return RedirectResponse("/", status_code=303)
    return _page(request, form, tiers)


def _form(request: Request, data: FormData | None) -> TiersForm:
    return TiersForm(data, form_session(request), portal_of(request).csrf_secret)


def _page(request: Request, form: TiersForm, tiers: Acteur | None, *, status: int = 200) -> Response:
    form.trouve.data = "" if tiers is None else tiers.id_national
    too_old = "Ce formulaire a été ouvert il y a trop longtemps. Vérifiez la saisie et envoyez-le à nouveau."
    other_errors = [too_old] if form["csrf_token"].errors else []
    return render(request, "tiers/tiers.html", status=status, form=form, tiers=tiers, other_errors=other_errors)


ROUTES = [
    Route("/tiers", formulaire),
    Route("/tiers", envoi, methods=["POST"]),
    Route("/tiers/fin", fin, methods=["POST"]),
]
