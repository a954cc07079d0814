"""Step 1: the offre, the structure among one's own, and for PRO the beneficiaire in it (guide §8.1.1, §8.3.1, §8.4.1).

Nothing here needs a script: each choice that changes what comes next is kept, and the page is made anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.datastructures import FormData
from starlette.routing import Route

from portal_ihm.demander.forms import Etape1Form, told
from portal_ihm.demander.offered import Marks
from portal_ihm.demander.parcours import STEPS, Parcours, posted, shown
from portal_ihm.shell.context import acteur_of, offres_of, origin_of, portal_of
from portal_ihm.shell.fields import with_code
from portal_ihm.shell.rendering import render
from portal_ihm.shell.secure_forms import TOO_OLD
from registration.errors import Code, IgcError
from registration.views import PersonneCriteria, PersonneView, StructureCriteria, StructureView
from registration.vocabulary import Offre, offre_of

if TYPE_CHECKING:
    from starlette.responses import Response

    from registration.views import OffreOuverte

_SHOWN = 20
_OF_STRUCTURE = ("structure_id", "raison_sociale")
_OF_PERSONNE = ("beneficiaire_id", "nom", "prenom")


@dataclass(slots=True)
class _Found:
    """What the page lets choose, and why nothing could be looked for."""

    structures: tuple[StructureView, ...] = ()
    more_structures: bool = False
    only: StructureView | None = None
    personnes: tuple[PersonneView, ...] = ()
    more_personnes: bool = False
    errors: dict[str, str] = field(default_factory=dict)


def page(parcours: Parcours) -> Response:
    """As it was left; what was chosen and is not his any more is said."""
    kept = parcours.etape(1)
    form = Etape1Form(parcours.request, **{**kept, **kept.get("criteres", {})})
    form.offre.data = form.offre.data or _only_offre(parcours)
    found = _look(parcours, form)
    structure = _structure_of(form, found)
    if structure:
        _judge(parcours, form, offre_of(form.offre.data), structure, form.beneficiaire.data or None)
    return _page(parcours, form, found)


def envoi(parcours: Parcours, data: FormData, _file: object) -> Response:
    """Search, or go on; a choice that changes what is to be chosen next shows that."""
    form = Etape1Form(parcours.request, data)
    offres = offres_of(parcours.request.scope)
    form.propose(offres)
    form.validate()
    offre = offre_of(form.offre.data)
    if offre not in offres and not form.offre.errors:
        form.offre.errors = [with_code(Code.OFFRE_MISSING if offre is None else Code.HABILITATION_MISSING)]
    if form.is_too_old or form.offre.errors or offre is None:
        other = [TOO_OLD] if form.is_too_old else []
        return _page(parcours, form, _look(parcours, form), status=422, other=other)
    if offre is Offre.PS:
        return _for_himself(parcours, form)
    if offre.value != parcours.etape(1).get("offre"):
        # The structures and persons of another offre were not on the page yet.
        _keep(parcours, form, None)
        return parcours.go(1, "structure")
    return _choose(parcours, form, offre, is_search=data.get("action") == "rechercher")


def _choose(parcours: Parcours, form: Etape1Form, offre: Offre, *, is_search: bool) -> Response:
    """The structure, and what follows from it."""
    found, kept, asked = _look(parcours, form), parcours.etape(1), _criteria(form)
    structure = _structure_of(form, found)
    if is_search or (not structure and asked != kept.get("criteres", asked)):
        ouverture = None
        if structure and structure != kept.get("structure"):
            ouverture = _judge(parcours, form, offre, structure, None)
        _keep(parcours, form, ouverture)
        return parcours.go(1, "beneficiaire" if _searched(asked, kept, _OF_PERSONNE) else "structure")
    if not structure:
        form.structure.errors = [with_code(Code.STRUCTURE_UNKNOWN)]
        return _page(parcours, form, found, status=422)
    form.structure.data = structure
    if offre is not Offre.PRO or form.beneficiaire.data or structure == kept.get("structure"):
        return _go_on(parcours, form, found, offre, structure)
    # Nobody of it was on the page yet.
    ouverture = _judge(parcours, form, offre, structure, None)
    if ouverture is None:
        return _page(parcours, form, found, status=422)
    _keep(parcours, form, ouverture)
    return parcours.go(1, "beneficiaire")


def _go_on(parcours: Parcours, form: Etape1Form, found: _Found, offre: Offre, structure: str) -> Response:
    beneficiaire = (form.beneficiaire.data or None) if offre is Offre.PRO else None
    ouverture = _judge(parcours, form, offre, structure, beneficiaire)
    if offre is Offre.PRO and beneficiaire is None and not form.structure.errors:
        if _searched(_criteria(form), parcours.etape(1), _OF_PERSONNE):
            _keep(parcours, form, ouverture)
            return parcours.go(1, "beneficiaire")
        form.beneficiaire.errors = [with_code(Code.BENEFICIAIRE_MISSING)]
    if ouverture is None or form.beneficiaire.errors:
        return _page(parcours, form, found, status=422)
    _keep(parcours, form, ouverture)
    return parcours.go(2)


def _for_himself(parcours: Parcours, form: Etape1Form) -> Response:
    form.structure.data, form.beneficiaire.data = None, None
    ouverture = _judge(parcours, form, Offre.PS, None, None)
    if ouverture is None:
        return _page(parcours, form, _Found(), status=422)
    form.beneficiaire.data = ouverture.beneficiaire
    _keep(parcours, form, ouverture)
    return parcours.go(2)


def _judge(
    parcours: Parcours, form: Etape1Form, offre: Offre | None, structure: str | None, beneficiaire: str | None
) -> OffreOuverte | None:
    """What is open there; None with the refusal at its field."""
    if offre is None:
        return None
    proven = structure is not None and (
        structure == parcours.structure or _marks(parcours).prove(form.offertes.data or "", structure)
    )
    origin = origin_of(parcours.request, frozenset({structure} if structure and proven else ()))
    try:
        return portal_of(parcours.request).authority.demandes.ouverture(origin, offre, structure, beneficiaire)
    except IgcError as error:
        at = {"structure": form.structure, "beneficiaire": form.beneficiaire}.get(error.champ or "", form.offre)
        at.errors = [told(error)]
        return None


def _look(parcours: Parcours, form: Etape1Form) -> _Found:
    """The structures and persons that answer to what was typed; none of a long list before something was."""
    found, offre = _Found(), offre_of(form.offre.data)
    if offre is None or offre is Offre.PS or offre not in offres_of(parcours.request.scope):
        return found
    directory, acteur = portal_of(parcours.request).authority.directory, acteur_of(parcours.request)
    asked = StructureCriteria(id_national=form.structure_id.data, raison_sociale=form.raison_sociale.data)
    try:
        page = directory.search_structures(acteur, asked, offre=offre, limit=_SHOWN)
        is_all = asked == StructureCriteria()
        if is_all and not page.more and len(page.structures) == 1:
            found.only = page.structures[0]
        found.more_structures = page.more
        found.structures = () if is_all and page.more else page.structures
    except IgcError as error:
        found.errors["structure"] = told(error)
    structure = _structure_of(form, found)
    if offre is Offre.PRO and structure:
        _look_for_persons(parcours, form, found, structure)
    return found


def _look_for_persons(parcours: Parcours, form: Etape1Form, found: _Found, structure: str) -> None:
    directory, acteur = portal_of(parcours.request).authority.directory, acteur_of(parcours.request)
    asked = PersonneCriteria(id_national=form.beneficiaire_id.data, nom=form.nom.data, prenom=form.prenom.data)
    try:
        page = directory.search_personnes(acteur, structure, asked, limit=_SHOWN)
    except IgcError as error:
        # That the structure is not his (any more) is said where it is judged.
        if error.champ != "structure" or error.code is Code.NOBODY_IN_STRUCTURE:
            found.errors["beneficiaire"] = told(error)
        return
    found.more_personnes = page.more
    found.personnes = () if asked == PersonneCriteria() and page.more else page.personnes


def _structure_of(form: Etape1Form, found: _Found) -> str | None:
    return form.structure.data or (found.only.id_national if found.only else None)


def _criteria(form: Etape1Form) -> dict[str, str]:
    return {name: form[name].data or "" for name in (*_OF_STRUCTURE, *_OF_PERSONNE)}


def _searched(asked: Mapping[str, str], kept: Mapping[str, Any], names: tuple[str, ...]) -> bool:
    """Whether something else than before was typed into these fields."""
    before = kept.get("criteres", {})
    return any(asked[name] != before.get(name, "") for name in names)


def _keep(parcours: Parcours, form: Etape1Form, ouverture: OffreOuverte | None) -> None:
    """Keep the choice; only a structure that was judged to be his is one."""
    kept = parcours.etape(1)
    names = ("structure", "raison_sociale_structure", "beneficiaire", "nom_beneficiaire")
    is_same = kept.get("offre") == form.offre.data
    values: dict[str, Any] = {name: kept.get(name) if is_same else None for name in names}
    values |= {"offre": form.offre.data, "criteres": _criteria(form)}
    if ouverture is not None:
        values |= {
            "structure": ouverture.structure,
            "raison_sociale_structure": ouverture.raison_sociale,
            "beneficiaire": ouverture.beneficiaire,
            "nom_beneficiaire": ouverture.beneficiaire_libelle,
        }
    changed = any(values[name] != kept.get(name) for name in ("offre", "structure", "beneficiaire"))
    parcours.keep(1, values)
    if changed and parcours.etape(2):
        parcours.keep(2, {})  # a product to renew was one of what was chosen before


def _only_offre(parcours: Parcours) -> str | None:
    offres = offres_of(parcours.request.scope)
    return next(iter(offres)).value if len(offres) == 1 else None


def _marks(parcours: Parcours) -> Marks:
    session = parcours.request.session["csrf"]
    portal = portal_of(parcours.request)
    return Marks(portal.offered_secret, acteur=acteur_of(parcours.request).key, session=session)


def _page(
    parcours: Parcours, form: Etape1Form, found: _Found, *, status: int = 200, other: list[str] | None = None
) -> Response:
    form.propose(offres_of(parcours.request.scope))
    for champ, text in found.errors.items():
        form[champ].errors = [*form[champ].errors, text]
    chosen = _structure_of(form, found)
    form.offertes.data = _marks(parcours).write({one.id_national for one in found.structures} | {chosen or ""})
    return render(
        parcours.request,
        "demander/etape1.html",
        status=status,
        parcours=parcours,
        steps=STEPS,
        form=form,
        found=found,
        offre=offre_of(form.offre.data),
        structure=chosen,
        kept=parcours.etape(1),
        other_errors=other or [],
    )


ROUTES = [
    Route("/demander/{brouillon}/etape-1", shown(page, 1)),
    Route("/demander/{brouillon}/etape-1", posted(envoi), methods=["POST"]),
]
