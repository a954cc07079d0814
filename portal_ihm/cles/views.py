"""Keys made in the browser (guide §8.1.4.2): the page that makes one for a demande, and that of all that are kept."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse
from starlette.routing import Route

from pki.errors import CsrError
from pki.keys.csr import accept_csr
from portal_ihm.cles.described import label_of, subject_of
from portal_ihm.cles.forms import CsrForm
from portal_ihm.shell.context import acteur_of, caller_of, portal_of
from portal_ihm.shell.errors import http_page
from portal_ihm.shell.fields import with_code
from portal_ihm.shell.scripts import render_with_script
from portal_ihm.shell.secure_forms import read_texts
from registration.errors import Code
from registration.vocabulary import GenreBrouillon

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from registration.views import Brouillon

_GENRES = {GenreBrouillon.DEMANDE, GenreBrouillon.RENOUVELLEMENT}
_STEPS = ("Offre et structure", "Nouveau ou renouvellement", "Produit", "CSR", "Finalisation")
_GONE = (
    "Ce formulaire n'existe plus : il a été annulé, ou laissé plus de trois jours. La clé qu'il aurait faite ici reste "
    "dans ce navigateur. Recommencez par « Demander »."
)
_NAME = "CSR faite dans ce navigateur"
_ASSISTED = (Code.CLE_IMPOSSIBLE, Code.CLE_TIME_OVER)


def liste(request: Request) -> Response:
    """The keys of this browser, which its script alone can list, beside the demandes that they are for."""
    mine = portal_of(request).authority.retraits.keys_in_browsers(acteur_of(request))
    return render_with_script(request, "cles/cles.html", (Code.CLE_STORE_CLOSED,), mine=mine)


def assistee(request: Request) -> Response:
    """Step 4 of a demande whose key is made here; the page says first whether this browser can keep one."""
    brouillon = _under_way(request)
    if brouillon is None:
        return http_page(request, 404, text=_GONE)
    if brouillon.numero is not None:
        return _sent(brouillon)
    return _page(request, brouillon, CsrForm(request))


async def envoi(request: Request) -> Response:
    """Take the CSR into the form under way. Nothing else of what the page holds is ever sent, or read here."""
    return await run_in_threadpool(_keep, request, await read_texts(request))


def _keep(request: Request, data: FormData) -> Response:
    brouillon = _under_way(request)
    if brouillon is None:
        return http_page(request, 404, text=_GONE)
    form = CsrForm(request, data)
    if not form.validate():  # the token alone can be wrong: the session was over, or is another one
        return _page(request, brouillon, form, Code.CLE_TIME_OVER)
    csr = _csr_of(form.csr.data or "")
    if csr is None:
        return _page(request, brouillon, form, Code.CLE_IMPOSSIBLE)
    step = {"mode": "ASSISTEE", "csr": base64.b64encode(csr).decode(), "nom": _NAME}
    kept = portal_of(request).authority.brouillons.keep(caller_of(request), brouillon.id, "etape4", step)
    if kept is None:
        return http_page(request, 404, text=_GONE)
    return _sent(kept) if kept.numero is not None else RedirectResponse(f"/demander/{kept.id}/finalisation", 303)


def _sent(brouillon: Brouillon) -> Response:
    return RedirectResponse(f"/demander/{brouillon.id}/confirmation", status_code=303)


def _under_way(request: Request) -> Brouillon | None:
    """The form that the path names; None for one that is over, another one's, or of another kind."""
    found = portal_of(request).authority.brouillons.read(caller_of(request), request.path_params["brouillon"])
    return found if found is not None and found.genre in _GENRES else None


def _csr_of(text: str) -> bytes | None:
    """Only what proves to be a CSR is kept: whatever else a page might hold has no way into the database."""
    try:
        csr = base64.b64decode(text, validate=True)
        accept_csr(csr)
    except (ValueError, CsrError):
        return None
    return csr


def _page(request: Request, brouillon: Brouillon, form: CsrForm, code: Code | None = None) -> Response:
    form.csr.data = ""
    return render_with_script(
        request,
        "cles/assistee.html",
        _ASSISTED,
        status=200 if code is None else 422,
        form=form,
        brouillon=brouillon,
        libelle=label_of(brouillon.donnees),
        steps=_STEPS,
        sujet=json.dumps(subject_of(brouillon.donnees), ensure_ascii=False),
        refus=None if code is None else with_code(code),
        trop_faible=Code.CODE_REVOCATION_WEAK.value,
    )


ROUTES = [
    Route("/cles", liste),
    Route("/demander/{brouillon}/etape-4/assistee", assistee),
    Route("/demander/{brouillon}/etape-4/assistee", envoi, methods=["POST"]),
]
