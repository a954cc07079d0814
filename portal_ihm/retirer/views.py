"""Retirer (guide §9): what waits, the revocation code and the acceptance, the certificate itself.

What was withdrawn is handed out again to its requester as often as he asks; no second code is ever asked for.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse
from starlette.responses import Response as FileResponse
from starlette.routing import Route

from pki.containers.pkcs7 import MEDIA_TYPE, read_certs_only
from portal_ihm.retirer.forms import CriteresForm, RetraitForm
from portal_ihm.retirer.refusals import ending_of
from portal_ihm.shell.context import acteur_of, origin_of, parse_numero, portal_of
from portal_ihm.shell.downloads import attachment, file_name, stem_of
from portal_ihm.shell.labels import refusal_text
from portal_ihm.shell.rendering import render
from portal_ihm.shell.scripts import render_with_script
from portal_ihm.shell.secure_forms import TOO_OLD, read_texts
from registration.errors import Code, ConflictError, NotFoundError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from registration.errors import IgcError
    from registration.retrait_views import RetraitEnCours
    from registration.views import Telechargement

_SIZE = 20
_MOST_ROWS = 100_000
_WITHOUT_KEY = (Code.CLE_STORE_CLOSED, Code.CLE_NOT_HERE, Code.CLE_OF_ANOTHER)
_OF_FILE = (
    *_WITHOUT_KEY,
    Code.CLE_UNREADABLE,
    Code.CLE_OF_PAST_CERTIFICATE,
    Code.CLE_NOT_PACKED,
    Code.CLE_PASSWORD_WRONG,
)


def liste(request: Request) -> Response:
    """Step 1: what he asked for and can withdraw now, the first to fall to its limit first (guide figures 122, 127)."""
    form = CriteresForm(request.query_params)
    is_good = form.validate()
    start = min(parse_numero(request.query_params.get("apres", "")) or 0, _MOST_ROWS)
    retraits = portal_of(request).authority.retraits
    page = retraits.waiting(acteur_of(request), form.criteria, after=start, limit=_SIZE) if is_good else None
    asked = [(name, field.data) for name, field in (("offre", form.offre), ("structure", form.structure)) if field.data]
    asked += [("index_lot", form.index_lot.data)] if form.index_lot.data else []
    return render(
        request,
        "retirer/liste.html",
        status=200 if is_good else 422,
        form=form,
        page=page,
        start=start,
        size=_SIZE,
        asked=asked,
    )


def etape2(request: Request) -> Response:
    """Step 2, where the mail's link leads; on to the certificate when it was withdrawn before."""
    found = _look_up(request)
    if found.empechement is not None:
        return _impossible(request, found, found.empechement)
    if found.retire_le is not None:
        return _to_certificate(found)
    return _form_page(request, found, RetraitForm(request))


async def finaliser(request: Request) -> Response:
    """Withdraw. The same code again leads to the same certificate, another one is refused (ERR_IHM_013)."""
    return await run_in_threadpool(_withdraw, request, await read_texts(request))


def certificat(request: Request) -> Response:
    """Step 3: the certificate to save, or the PKCS#12 that the page makes of it and of the key of this browser."""
    found = _look_up(request)
    if found.empechement is not None:
        return _impossible(request, found, found.empechement)
    if found.retire_le is None:
        return RedirectResponse(f"/retirer/{found.demande.numero}", status_code=303)
    handed = _hand_out(request, found)
    if not found.csr_assistee:
        return render(request, "retirer/certificat.html", found=found, produit=handed.produit)
    plateforme = portal_of(request).authority.plateforme
    return render_with_script(
        request,
        "retirer/assiste.html",
        _OF_FILE,
        found=found,
        produit=handed.produit,
        fichier=stem_of("p12", plateforme, handed.produit.offre, handed.produit.usage),
        certificat=base64.b64encode(handed.der).decode(),
        pkcs7=base64.b64encode(handed.pkcs7).decode(),
    )


def pkcs7(request: Request) -> Response:
    """The certificate with its chain, PKCS#7 in DER, not encrypted (guide §9.3.2)."""
    return _file(request, "p7b", MEDIA_TYPE, lambda handed: handed.pkcs7)


def pem(request: Request) -> Response:
    """The same as PEM, the certificate first."""
    return _file(request, "pem", "application/x-pem-file", _as_pem)


def _withdraw(request: Request, data: FormData) -> Response:
    found = _look_up(request)
    if found.empechement is not None:
        return _impossible(request, found, found.empechement)
    form = RetraitForm(request, data)
    is_ours = form.validate()
    if not form.judge() or not is_ours:
        return _form_page(request, found, form, status=422)
    try:
        portal_of(request).authority.retraits.withdraw(origin_of(request), found.demande.numero, form.conditions)
    except ConflictError as error:
        return _impossible(request, _look_up(request), error)
    return _to_certificate(found)


def _look_up(request: Request) -> RetraitEnCours:
    numero = parse_numero(request.path_params["numero"])
    if numero is None:
        raise NotFoundError(Code.DEMANDE_UNKNOWN)
    return portal_of(request).authority.retraits.look_up(acteur_of(request), numero)


def _hand_out(request: Request, found: RetraitEnCours) -> Telechargement:
    return portal_of(request).authority.produits.download(acteur_of(request), found.demande.numero)


def _file(request: Request, suffix: str, media_type: str, content: Callable[[Telechargement], bytes]) -> Response:
    found = _look_up(request)
    if found.empechement is not None:
        return _impossible(request, found, found.empechement)
    if found.retire_le is None:
        return RedirectResponse(f"/retirer/{found.demande.numero}", status_code=303)
    handed = _hand_out(request, found)
    portal = portal_of(request)
    stem = stem_of(suffix, portal.authority.plateforme, handed.produit.offre, handed.produit.usage)
    name = file_name(stem, portal.clock(), suffix)
    return FileResponse(content(handed), media_type=media_type, headers=attachment(name))


def _as_pem(handed: Telechargement) -> bytes:
    certificates = (x509.load_der_x509_certificate(der) for der in read_certs_only(handed.pkcs7))
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def _to_certificate(found: RetraitEnCours) -> Response:
    return RedirectResponse(f"/retirer/{found.demande.numero}/certificat", status_code=303)


def _impossible(request: Request, found: RetraitEnCours, error: IgcError) -> Response:
    ending = ending_of(found, error)
    return render(
        request,
        "retirer/impossible.html",
        status=409,
        found=found,
        ending=ending,
        text=refusal_text(ending.error),
        withdrawn=found.retire_le is not None and found.empechement is None,
    )


def _form_page(request: Request, found: RetraitEnCours, form: RetraitForm, *, status: int = 200) -> Response:
    return render_with_script(
        request,
        "retirer/etape2.html",
        _WITHOUT_KEY,
        status=status,
        found=found,
        form=form,
        textes=portal_of(request).authority.textes,
        other_errors=[TOO_OLD] if form.is_too_old else [],
    )


ROUTES = [
    Route("/retirer", liste),
    Route("/retirer/{numero}", etape2),
    Route("/retirer/{numero}", finaliser, methods=["POST"]),
    Route("/retirer/{numero}/certificat", certificat),
    Route("/retirer/{numero}/certificat.p7b", pkcs7),
    Route("/retirer/{numero}/certificat.pem", pem),
]
