"""Step 4: the CSR, from a file (guide §8.1.4.1); one made in the browser has a page of its own."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from starlette.datastructures import FormData
from starlette.routing import Route

from pki.errors import CsrError
from pki.keys.csr import MAX_TEXT_BYTES, decode_csr
from portal_ihm.demander.composing import CHARGEE, csr_of, demande_of
from portal_ihm.demander.etape3 import ouverture_of
from portal_ihm.demander.forms import told
from portal_ihm.demander.parcours import FINALISATION, STEPS, Parcours, posted, shown
from portal_ihm.shell.context import origin_of, portal_of
from portal_ihm.shell.rendering import render
from portal_ihm.shell.secure_forms import TOO_OLD, SecureForm
from registration.errors import IgcError
from registration.rules.validation import csr_refusal

if TYPE_CHECKING:
    from starlette.responses import Response

_LONGEST_NAME = 120


def page(parcours: Parcours) -> Response:
    """Both ways, and the CSR that is there already."""
    return _page(parcours, [])


def envoi(parcours: Parcours, data: FormData, file: tuple[str, bytes] | None) -> Response:
    """Keep the request of the file if nothing is wrong with it; without a file go on with the one that is kept."""
    form = SecureForm(parcours.request, data)
    if not form.validate():
        return _page(parcours, [], other=[TOO_OLD], status=422)
    if file is None:
        if csr_of(parcours) is not None:
            return parcours.go(FINALISATION)
        return _page(parcours, ["Choisissez le fichier de votre CSR (ERR_IHM_007)."], status=422)
    name, content = file
    try:
        der = decode_csr(content)
    except CsrError as error:
        return _page(parcours, [told(csr_refusal(error))], status=422)
    errors = _refusals(parcours, der)
    if errors:
        return _page(parcours, errors, status=422)
    encoded = base64.b64encode(der).decode("ascii")
    readable = "".join(sign if sign.isprintable() else "?" for sign in name)[-_LONGEST_NAME:]
    parcours.keep_csr({"mode": CHARGEE, "csr": encoded, "nom": readable})
    return parcours.go(FINALISATION)


def _refusals(parcours: Parcours, der: bytes) -> list[str]:
    """What the rules say of this request for this product; what they say of other fields is told at the end."""
    try:
        ouverture = None if parcours.renouvelle is not None else ouverture_of(parcours)
    except IgcError:
        return []
    form = demande_of(parcours, ouverture, csr=der)
    origin = parcours.origin(origin_of(parcours.request))
    refusals = portal_of(parcours.request).authority.demandes.foresee(origin, form).refusals
    return [told(refusal) for refusal in refusals if refusal.champ == "csr"]


def _page(parcours: Parcours, csr_errors: list[str], *, other: list[str] | None = None, status: int = 200) -> Response:
    return render(
        parcours.request,
        "demander/etape4.html",
        status=status,
        parcours=parcours,
        steps=STEPS,
        form=SecureForm(parcours.request),
        kept=parcours.etape(4),
        csr_errors=csr_errors,
        other_errors=other or [],
    )


ROUTES = [
    Route("/demander/{brouillon}/etape-4", shown(page, 4)),
    Route("/demander/{brouillon}/etape-4", posted(envoi, upload="csr", longest=MAX_TEXT_BYTES), methods=["POST"]),
]
