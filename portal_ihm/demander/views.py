"""A demande for offre ORG with an uploaded CSR (guide §8.1), placed by the use case that both canals share."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.responses import RedirectResponse
from starlette.routing import Route

from pki.errors import CsrError
from pki.keys.csr import MAX_TEXT_BYTES, decode_csr
from portal_ihm.demander.forms import DemandeOrgForm
from portal_ihm.demander.offered import Marks
from portal_ihm.shell.context import (
    OFFRE_ON_THE_PORTAL,
    acteur_of,
    form_session,
    origin_of,
    portal_of,
    read_visible,
)
from portal_ihm.shell.fields import with_code
from portal_ihm.shell.labels import CHAMP_TEXTS, in_words_of_the_guide, refusal_text
from portal_ihm.shell.rendering import render
from registration.errors import AccessError, Code, IgcError
from registration.rules.validation import csr_refusal
from registration.values import DemandeForm
from registration.vocabulary import Usage

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_MAX_FIELD = 48 * 1024
_FIELDS = {
    "structure": "structure",
    "usage": "usage",
    "serviceApplicatif": "service_applicatif",
    "emailActeur": "email_acteur",
    "emailInforme": "email_informe",
}
"""Field of the contract to field of the form; ``csr`` and whatever else are shown apart."""


def formulaire(request: Request) -> Response:
    """The empty form; without any structure for ORG it says so instead."""
    return _page(request, _form(request, None), csr_errors=[], other_errors=[])


async def envoi(request: Request) -> Response:
    """Place the demande, or show the form again with every error beside its field and the CSR kept."""
    async with request.form(max_files=1, max_fields=20, max_part_size=_MAX_FIELD) as data:
        upload = data.get("csr")
        content = await upload.read(MAX_TEXT_BYTES + 1) if isinstance(upload, UploadFile) else b""
        # A file in the place of a text is no text.
        texts = FormData([(name, value) for name, value in data.multi_items() if isinstance(value, str)])
        return await run_in_threadpool(_submit, request, texts, content)


def confirmation(request: Request) -> Response:
    """The numero of a demande that was just placed; a reload shows it again and places nothing."""
    return render(request, "demander/confirmation.html", demande=read_visible(request).demande)


def _submit(request: Request, data: FormData, content: bytes) -> Response:
    form = _form(request, data)
    csr, csr_errors = _csr_of(form, content)
    form.csr_conservee.data = base64.b64encode(csr).decode("ascii") if csr else ""
    offered = _offered(request, form)
    if not form.validate() or csr is None:
        if offered.difference(form.structure_choices):
            # It has gone from the list of the page that comes next, which says why.
            lost = with_code(Code.HABILITATION_LOST, valeur=form.structure.data)
            form.structure.errors = [*form.structure.errors, lost]
        return _page(request, form, csr_errors=csr_errors, other_errors=[], status=422)
    demande = DemandeForm(
        offre=OFFRE_ON_THE_PORTAL,
        usage=Usage(form.usage.data),
        csr=csr,
        structure=form.structure.data,
        service_applicatif=form.service_applicatif.data,
        email_acteur=form.email_acteur.data or "",
        email_informe=form.email_informe.data,
    )
    try:
        numero = portal_of(request).authority.demandes.submit(origin_of(request, offered), demande)
    except AccessError:
        raise
    except IgcError as error:
        return _refused(request, form, in_words_of_the_guide(error))
    return RedirectResponse(f"/demander/{numero}/confirmation", status_code=303)


def _offered(request: Request, form: DemandeOrgForm) -> frozenset[str]:
    """The structure that was chosen, if this very form offered it when it was opened."""
    structure = form.structure.data or ""
    return frozenset({structure} if _marks(request).prove(form.offertes.data or "", structure) else ())


def _marks(request: Request) -> Marks:
    # A form was made before, so its session has a secret of its own.
    session = request.session["csrf"]
    return Marks(portal_of(request).offered_secret, acteur=acteur_of(request).key, session=session)


def _refused(request: Request, form: DemandeOrgForm, error: IgcError) -> Response:
    message = f"{refusal_text(error)} ({error.code.value})"
    csr_errors: list[str] = []
    other_errors: list[str] = []
    if error.champ in _FIELDS:
        field = form[_FIELDS[error.champ]]
        field.errors = [*field.errors, message]
    elif error.champ == "csr":
        form.csr_conservee.data = ""
        csr_errors.append(message)
    else:
        other_errors.append(message)
    return _page(request, form, csr_errors=csr_errors, other_errors=other_errors, status=422)


def _csr_of(form: DemandeOrgForm, content: bytes) -> tuple[bytes | None, list[str]]:
    """The DER of the file, or of the one kept from the form's last showing; else why not."""
    if not content and form.csr_conservee.data:
        try:
            content = base64.b64decode(form.csr_conservee.data, validate=True)
        except ValueError:  # characters beyond ASCII, or no base64
            content = b""
    if not content:
        return None, ["Choisissez le fichier de votre CSR."]
    try:
        return decode_csr(content), []
    except CsrError as error:
        refusal = csr_refusal(error)
        return None, [f"{refusal.text} ({refusal.code.value})"]


def _form(request: Request, data: FormData | None) -> DemandeOrgForm:
    portal = portal_of(request)
    rows = portal.authority.acteurs.allowed_structures(acteur_of(request))
    structures = [(structure, raison) for offre, structure, raison in rows if offre == OFFRE_ON_THE_PORTAL]
    return DemandeOrgForm(data, structures, form_session(request), portal.csrf_secret)


def _page(
    request: Request, form: DemandeOrgForm, *, csr_errors: list[str], other_errors: list[str], status: int = 200
) -> Response:
    form.offertes.data = _marks(request).write(form.structure_choices)
    token_errors = ["Ce formulaire a été ouvert il y a trop longtemps. Vérifiez la saisie et envoyez-le à nouveau."]
    return render(
        request,
        "demander/formulaire.html",
        status=status,
        form=form,
        csr_errors=csr_errors,
        other_errors=[*other_errors, *(token_errors if form["csrf_token"].errors else [])],
        champs=CHAMP_TEXTS,
    )


ROUTES = [
    Route("/demander", formulaire),
    Route("/demander", envoi, methods=["POST"]),
    Route("/demander/{numero}/confirmation", confirmation),
]
