"""Step 3 of a renewal: the product as it was certified, read from the database, and the contacts (guide figure 110)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import FormData

from portal_ihm.demander.composing import demande_of
from portal_ihm.demander.forms import ContactsForm, told
from portal_ihm.demander.parcours import STEPS, Parcours
from portal_ihm.shell.context import acteur_of, origin_of, portal_of
from portal_ihm.shell.rendering import render
from portal_ihm.shell.secure_forms import TOO_OLD

if TYPE_CHECKING:
    from starlette.responses import Response

    from registration.views import DemandeDetail

_CONTACTS = {"emailActeur": "email_acteur", "emailInforme": "email_informe"}


def page_renewal(parcours: Parcours) -> Response:
    """The contacts of the product, or what was typed in their place."""
    detail = renewed_of(parcours)
    kept = parcours.etape(3) or {"email_acteur": detail.email_acteur, "email_informe": detail.email_informe}
    return _page(parcours, ContactsForm(parcours.request, **kept), detail)


def envoi_renewal(parcours: Parcours, data: FormData, _file: object) -> Response:
    """Keep the contacts, nothing else; then go back, or go on if it may still be renewed."""
    detail, form = renewed_of(parcours), ContactsForm(parcours.request, data)
    is_right = form.validate()
    if form.is_too_old:
        return _page(parcours, form, detail, [TOO_OLD], status=422)
    contacts = {"email_acteur": form.email_acteur.data or "", "email_informe": form.email_informe.data or ""}
    parcours = parcours.keep(3, contacts)
    if data.get("action") == "precedent":
        return parcours.go(2)
    if not is_right:
        return _page(parcours, form, detail, status=422)
    origin = origin_of(parcours.request)
    refusals = portal_of(parcours.request).authority.demandes.foresee(origin, demande_of(parcours, None)).refusals
    other = []
    for refusal in refusals:
        if (name := _CONTACTS.get(refusal.champ or "")) is not None:
            form[name].errors = [*form[name].errors, told(refusal)]
        else:
            other.append(told(refusal))
    if refusals:
        return _page(parcours, form, detail, other, status=422)
    return parcours.go("details" if data.get("action") == "details" else 4)


def renewed_of(parcours: Parcours) -> DemandeDetail:
    """The demande whose product is renewed, as he may see it now."""
    numero = parcours.renouvelle or 0
    return portal_of(parcours.request).authority.demandes.read(acteur_of(parcours.request), numero)


def _page(
    parcours: Parcours, form: ContactsForm, detail: DemandeDetail, other: list[str] | None = None, *, status: int = 200
) -> Response:
    return render(
        parcours.request,
        "demander/renouvellement.html",
        status=status,
        parcours=parcours,
        steps=STEPS,
        form=form,
        detail=detail,
        other_errors=other or [],
    )
