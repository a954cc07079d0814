"""Step 3: usage, what the certificate shall say, contacts (guide §8.1.3, §8.2.3, §8.3.3, §8.4.3), and its details."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.datastructures import FormData
from starlette.routing import Route

from portal_ihm.demander.composing import Misfit, address_of, demande_of, fqdns_of, produit_of
from portal_ihm.demander.forms import Etape3Form, told
from portal_ihm.demander.parcours import STEPS, Parcours, posted, shown, text_of
from portal_ihm.demander.renewal import envoi_renewal, page_renewal
from portal_ihm.shell.context import origin_of, portal_of
from portal_ihm.shell.fields import with_code
from portal_ihm.shell.labels import OFFRE_TEXTS
from portal_ihm.shell.rendering import render
from portal_ihm.shell.secure_forms import TOO_OLD
from registration.errors import Code, IgcError
from registration.rules.fields import Produit, requires_address
from registration.rules.limits import MAX_FQDNS
from registration.vocabulary import USAGES_BY_OFFRE, Offre, usage_of

if TYPE_CHECKING:
    from starlette.responses import Response

    from registration.views import OffreOuverte

_FIELDS = {
    "usage": "usage",
    "serviceApplicatif": "service_applicatif",
    "fqdn": "fqdns",
    "upn": "upn",
    "emailActeur": "email_acteur",
    "emailInforme": "email_informe",
}
"""Field of the contract to field of the form; the address has another one where it is composed."""


def page(parcours: Parcours) -> Response:
    """The usages, and the fields of the one that was chosen."""
    if parcours.renouvelle is not None:
        return page_renewal(parcours)
    try:
        ouverture = ouverture_of(parcours)
    except IgcError:
        return parcours.go(1)  # which says at its field what was lost
    form = Etape3Form(parcours.request, **parcours.etape(3))
    form.fit(ouverture, produit_of(parcours))
    return _page(parcours, form, ouverture)


def envoi(parcours: Parcours, data: FormData, file: object) -> Response:  # noqa: PLR0911 -- as many ways to go on
    """Keep all that was typed; then go back, show other fields, or go on once nothing is refused."""
    if parcours.renouvelle is not None:
        return envoi_renewal(parcours, data, file)
    try:
        ouverture = ouverture_of(parcours)
    except IgcError:
        return parcours.go(1)
    form, action = Etape3Form(parcours.request, data), text_of(data, "action")
    before = _produit(ouverture.offre, text_of(data, "usage_affiche"))
    form.fit(ouverture, before)
    form.validate()
    if form.is_too_old:
        return _page(parcours, form, ouverture, status=422, other=[TOO_OLD])
    parcours = _keep(parcours, form, ouverture, is_longer=action == "plus", is_shown=before is not None)
    produit = produit_of(parcours)
    if action in {"precedent", "plus"}:
        return parcours.go(2) if action == "precedent" else parcours.go(3, "fqdn")
    if produit is not None and produit != before and produit.usage not in ouverture.fermes:
        return parcours.go(3, "produit")
    if not _is_accepted(parcours, form, ouverture):
        return _page(parcours, form, ouverture, status=422)
    return parcours.go("details" if action == "details" else 4)


def _keep(
    parcours: Parcours, form: Etape3Form, ouverture: OffreOuverte, *, is_longer: bool, is_shown: bool
) -> Parcours:
    """Keep what is in the fields that were shown; what was typed for another usage stays, and is not sent."""
    values = {**parcours.etape(3), **form.values()}
    if not is_shown:
        # Nothing but the usages was on the page.
        values = {**parcours.etape(3), "usage": form.usage.data or ""}
    else:
        _copy_address(parcours, form, values, ouverture)
    if is_longer:
        values["fqdns"] = [*values.get("fqdns", [])[: MAX_FQDNS - 1], {"texte": "", "domaine": ""}]
    return parcours.keep(3, values)


def details(parcours: Parcours) -> Response:
    """What the certificate will say (guide figures 45, 63, 82, 100); step 3 again when it may not be asked for."""
    try:
        ouverture = None if parcours.renouvelle is not None else ouverture_of(parcours)
    except IgcError:
        return parcours.go(1)
    origin = parcours.origin(origin_of(parcours.request))
    apercu = portal_of(parcours.request).authority.demandes.foresee(origin, demande_of(parcours, ouverture))
    if apercu.refusals:
        return parcours.go(3)
    offre = OFFRE_TEXTS[parcours.offre] if parcours.offre else ""
    return render(parcours.request, "demander/details.html", parcours=parcours, steps=STEPS, apercu=apercu, offre=offre)


def ouverture_of(parcours: Parcours) -> OffreOuverte:
    """What is open to him where step 1 has led; IgcError when nothing is any more."""
    origin = parcours.origin(origin_of(parcours.request))
    offre, beneficiaire = parcours.offre or Offre.PS, parcours.beneficiaire
    return portal_of(parcours.request).authority.demandes.ouverture(
        origin, offre, parcours.structure, beneficiaire if offre is Offre.PRO else None
    )


def _produit(offre: Offre, text: str | None) -> Produit | None:
    usage = usage_of(text)
    return None if usage is None or usage not in USAGES_BY_OFFRE[offre] else Produit(offre, usage)


def _copy_address(parcours: Parcours, form: Etape3Form, values: dict[str, Any], ouverture: OffreOuverte) -> None:
    """« Même personne »: the address of the certificate is that of the acteur, until he writes another one there."""
    if "meme_personne" not in form or not form.meme_personne.data:
        return
    kept, typed = parcours.etape(3), values.get("email_acteur") or ""
    if kept.get("meme_personne") and typed and typed != kept.get("email_acteur"):
        values["meme_personne"] = form.meme_personne.data = False
        return
    address = address_of(values, ouverture)
    values["email_acteur"] = form.email_acteur.data = address if isinstance(address, str) else ""
    if form.email_acteur.data:
        form.email_acteur.validate(form)
    else:
        text = "Saisissez l'adresse email protégée, ou décochez « même personne » et saisissez cette adresse-ci."
        form.email_acteur.errors = [f"{text} ({Code.EMAIL_ACTEUR_SYNTAX.value})"]


def _is_accepted(parcours: Parcours, form: Etape3Form, ouverture: OffreOuverte) -> bool:
    """Whether nothing but a CSR is missing; else every refusal stands at its field."""
    produit = produit_of(parcours)
    if produit is not None and produit.usage in ouverture.fermes:
        form.usage.errors = [with_code(Code.PRODUCT_CLOSED)]
        return False
    if produit is None:
        if not form.usage.errors:
            form.usage.errors = [with_code(Code.USAGE_MISSING)]
        return False
    has_misfit = _tell_misfits(parcours, form, ouverture, produit)
    if has_misfit or any(field.errors for field in form):
        return False
    origin = parcours.origin(origin_of(parcours.request))
    apercu = portal_of(parcours.request).authority.demandes.foresee(origin, demande_of(parcours, ouverture))
    for refusal in apercu.refusals:
        _tell(form, refusal)
    return not apercu.refusals


def _tell_misfits(parcours: Parcours, form: Etape3Form, ouverture: OffreOuverte, produit: Produit) -> bool:
    found: list[Misfit] = []
    values = parcours.etape(3)
    if "adresse_domaine" in form or "adresse_email" in form:
        address = address_of(values, ouverture)
        if isinstance(address, Misfit):
            found.append(address)
        elif address is None and requires_address(produit):
            found.append(Misfit("adresse_locale", with_code(Code.EMAIL_SYNTAX)))
    if "fqdns" in form:
        names = fqdns_of(values, ouverture)
        found += [name for name in names if isinstance(name, Misfit)]
        if not names:
            found.append(Misfit("fqdns-0-texte", with_code(Code.FQDN_MISSING)))
    for misfit in found:
        field = _field_at(form, misfit.at)
        field.errors = [misfit.text]
    return bool(found)


def _field_at(form: Etape3Form, name: str) -> Any:  # noqa: ANN401 -- any field
    if not name.startswith("fqdns-"):
        return form[name]
    _, rank, part = name.split("-")
    return form.fqdns[int(rank)].form[part]


def _tell(form: Etape3Form, refusal: IgcError) -> None:
    """Put a refusal at its field, or at the usage where it has none of this page."""
    champ = refusal.champ or ""
    name = _FIELDS.get(champ, "usage")
    if champ == "adresseEmail":
        name = "adresse_email" if "adresse_email" in form else "adresse_locale"
    if name == "fqdns":
        name = "fqdns-0-texte"
        wrong = refusal.data.get("valeur")
        for rank, row in enumerate(form.fqdns):
            texte, domaine = row.form.texte.data or "", row.form.domaine.data or ""
            if wrong in {texte, domaine, f"{texte}.{domaine}"}:
                name = f"fqdns-{rank}-texte"
    field = _field_at(form, name if name.startswith("fqdns-") or name in form else "usage")
    field.errors = [*field.errors, told(refusal)]


def _page(
    parcours: Parcours, form: Etape3Form, ouverture: OffreOuverte, *, status: int = 200, other: list[str] | None = None
) -> Response:
    produit = _produit(ouverture.offre, form.usage_affiche.data)
    return render(
        parcours.request,
        "demander/etape3.html",
        status=status,
        parcours=parcours,
        steps=STEPS,
        form=form,
        ouverture=ouverture,
        produit=produit,
        address_required=produit is not None and requires_address(produit),
        other_errors=other or [],
        most_fqdns=MAX_FQDNS,
    )


ROUTES = [
    Route("/demander/{brouillon}/etape-3", shown(page, 3)),
    Route("/demander/{brouillon}/etape-3", posted(envoi), methods=["POST"]),
    Route("/demander/{brouillon}/details", shown(details, 4)),
]
