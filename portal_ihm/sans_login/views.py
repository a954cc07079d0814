"""The pages of the site: home, first step (the proof), second step (the wish), end (guide figures 177 to 183)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse

from portal_ihm.sans_login.captcha import HEIGHT, WIDTH
from portal_ihm.sans_login.forms import ProofForm, WishForm, size_of
from portal_ihm.sans_login.site import line_of, site_of
from portal_ihm.shell.errors import refusal_page
from portal_ihm.shell.rendering import render
from portal_ihm.shell.revoking import told
from registration.errors import Code, IgcError
from registration.rules.proved_revocation import CodeTry, Proof, ProvedCertificat
from runtime.listening.turns import NoTurnError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_UNAVAILABLE = {Code.BUSY, Code.REVOCATION_STATUS_UNAVAILABLE}
FIRST, SECOND = "/revoquer", "/revoquer/confirmer"


async def accueil(request: Request) -> Response:
    """Guide figure 177."""
    return _render(request, "accueil", size_of(_query(request)))


async def etape1(request: Request) -> Response:
    """The empty form, with a captcha of its own; nothing is stored for it."""
    return _first_page(request, ProofForm(None, site_of(request).par_code.autorites), size_of(_query(request)))


async def preuve(request: Request) -> Response:
    """Lead to the second step, or show the first one again with another captcha and without the code.

    What is wrong with the three elements has one answer, whose size and cost tell nothing (registration's ``by_code``).
    """
    data = await request.form()
    site, line, size = site_of(request), line_of(request), size_of(data)
    form = ProofForm(data, site.par_code.autorites)
    if not form.validate():
        return _first_page(request, form, size, HTTPStatus.UNPROCESSABLE_ENTITY)
    solved = site.captchas.judge(form.defi.data or "", form.copie.data or "", line, site.clock())
    if solved is None:
        return _first_page(request, form, size, HTTPStatus.UNPROCESSABLE_ENTITY, IgcError(Code.CAPTCHA_REFUSED))
    given = CodeTry(form.autorite.data or "", form.serie.data or "", form.code.data or "", line, solved)
    try:
        async with site.proving.turn(line):
            proved = await run_in_threadpool(site.par_code.prove, given)
    except NoTurnError:
        return refusal_page(request, IgcError(Code.BUSY))
    except IgcError as refusal:
        if refusal.code in _UNAVAILABLE:
            raise
        is_late = refusal.code is Code.CODE_TRIED_TOO_OFTEN
        status = HTTPStatus.TOO_MANY_REQUESTS if is_late else HTTPStatus.UNPROCESSABLE_ENTITY
        return _first_page(request, form, size, status, refusal)
    wish = WishForm()
    wish.preuve.data = site.proofs.seal(proved, line, site.clock())
    return _second_page(request, wish, proved, size)


async def confirmation(request: Request) -> Response:
    """Have the certificate revoked, or show the second step again with what is wrong beside its field."""
    data = await request.form()
    site, size, form = site_of(request), size_of(data), WishForm(data)
    opened = site.proofs.open(form.preuve.data or "", line_of(request), site.clock())
    if opened is None:
        return _begin_again(request, size)
    wish = form.wish(opened.value.numero)
    if not form.is_sound(wish, site.clock()):
        return _second_page(request, form, opened.value, size, HTTPStatus.UNPROCESSABLE_ENTITY)
    proof = Proof(opened.jeton, opened.fin_le, opened.value.numero, opened.value.empreinte)
    try:
        result = await run_in_threadpool(site.par_code.revoke, proof, wish)
    except IgcError as refusal:
        if refusal.code in _UNAVAILABLE:
            raise
        if refusal.code is Code.PROOF_SPENT:
            return _begin_again(request, size)
        texts = [told(refusal)]
        return _second_page(request, form, opened.value, size, HTTPStatus.CONFLICT, texts)
    return _render(request, "fin", size, certificat=opened.value, resultat=result, email=wish.email)


async def step_without_form(_request: Request) -> Response:
    """Who comes to the second step by its address begins with the first."""
    return RedirectResponse(FIRST, status_code=HTTPStatus.SEE_OTHER)


def _begin_again(request: Request, size: str) -> Response:
    refusal = IgcError(Code.PROOF_SPENT)
    form = ProofForm(None, site_of(request).par_code.autorites)
    return _first_page(request, form, size, HTTPStatus.CONFLICT, refusal)


def _first_page(
    request: Request,
    form: ProofForm,
    size: str,
    status: int = HTTPStatus.OK,
    refusal: IgcError | None = None,
) -> Response:
    site = site_of(request)
    defi = site.captchas.make(line_of(request), site.clock())
    form.defi.data, form.copie.data = defi, ""
    text = None if refusal is None else f"{refusal.text} ({refusal.code.value})"
    where = "copie" if refusal is not None and refusal.code is Code.CAPTCHA_REFUSED else ""
    return _render(
        request, "etape1", size, status, form=form, refusal=text, where=where, defi=defi, width=WIDTH, height=HEIGHT
    )


def _second_page(
    request: Request,
    form: WishForm,
    proved: ProvedCertificat,
    size: str,
    status: int = HTTPStatus.OK,
    texts: list[str] | None = None,
) -> Response:
    return _render(request, "etape2", size, status, form=form, certificat=proved, texts=texts or [])


def _render(request: Request, page: str, size: str, status: int = HTTPStatus.OK, **context: object) -> Response:
    return render(request, f"sans_login/{page}.html", status=status, taille=size, **context)


def _query(request: Request) -> FormData:
    return FormData({"taille": request.query_params.get("taille", "")})
