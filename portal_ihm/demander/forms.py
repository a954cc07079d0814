"""The forms of the wizard: which fields a step has, and what the shared rules say of each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.datastructures import FormData
from wtforms import BooleanField, FieldList, Form, FormField, HiddenField, RadioField, SelectField, StringField
from wtforms.validators import Optional, StopValidation, ValidationError

from portal_ihm.shell.fields import strip, upper, with_code
from portal_ihm.shell.labels import OFFRE_TEXTS, USAGE_TEXTS, in_words_of_the_guide, refusal_text
from portal_ihm.shell.secure_forms import SecureForm
from registration.errors import Code, IgcError
from registration.rules.fields import (
    Produit,
    check_service_applicatif,
    has_field,
    normalize_email,
    normalize_upn,
)
from registration.rules.limits import MAX_FQDNS, SERVICE_LENGTH
from registration.vocabulary import USAGES_BY_OFFRE, Offre, Saisie

if TYPE_CHECKING:
    from starlette.requests import Request

    from registration.views import DomaineOffert, OffreOuverte


def told(error: IgcError) -> str:
    """A refusal as it stands at its field: the words of the guide, and the code to quote."""
    worded = in_words_of_the_guide(error)
    return f"{refusal_text(worded)} ({worded.code.value})"


def required(code: Code) -> Callable[[Form, Any], None]:
    """A validator: something must be there, else the rest is not looked at."""

    def check(_form: Form, field: Any) -> None:  # noqa: ANN401 -- any field
        if not field.data:
            field.errors = []
            raise StopValidation(with_code(code))

    check.field_flags = {"required": True}  # type: ignore[attr-defined]  # read by WTForms
    return check


def obeys(rule: Callable[[str], object]) -> Callable[[Form, Any], None]:
    """A validator: the shared rule of this value, in its own words."""

    def check(_form: Form, field: Any) -> None:  # noqa: ANN401 -- any field
        try:
            rule(field.data or "")
        except IgcError as error:
            raise ValidationError(told(error)) from None

    return check


def _service(value: str) -> None:
    check_service_applicatif(value)
    if len(value) > SERVICE_LENGTH:
        raise ValidationError(f"Le service applicatif compte {SERVICE_LENGTH} caractères au plus.")


class DepartForm(SecureForm):
    """What begins a form: an offre, or the demande that another one shall be like."""

    offre = HiddenField()
    comme = HiddenField()
    brouillon = HiddenField()


class Etape1Form(SecureForm):
    """Guide figures 36 to 38, 70 to 73, 89 to 91. ``offertes`` proves what this form let choose."""

    offre = RadioField("Offre", [required(Code.OFFRE_MISSING)], validate_choice=False)
    structure = RadioField("Structure", validate_choice=False)
    structure_id = StringField("Identifiant national de la structure", filters=[strip, upper])
    raison_sociale = StringField("Raison sociale", filters=[strip])
    beneficiaire = RadioField("Bénéficiaire", validate_choice=False)
    beneficiaire_id = StringField("Identifiant national du bénéficiaire", filters=[strip, upper])
    nom = StringField("Nom", filters=[strip])
    prenom = StringField("Prénom", filters=[strip])
    offertes = HiddenField()

    def propose(self, offres: frozenset[Offre]) -> None:
        """Let these be chosen."""
        self.offre.choices = [(offre.value, text) for offre, text in OFFRE_TEXTS.items() if offre in offres]


class ContactsForm(SecureForm):
    """Guide figures 62 and 81; all of step 3 that a renewal lets change (figure 110)."""

    email_acteur = StringField(
        "Email de l'acteur",
        [
            required(Code.EMAIL_ACTEUR_SYNTAX),
            obeys(lambda value: normalize_email(value, Code.EMAIL_ACTEUR_SYNTAX, "emailActeur")),
        ],
        filters=[strip],
    )
    email_informe = StringField(
        "Email d'une personne à informer",
        [Optional(), obeys(lambda value: normalize_email(value, Code.EMAIL_INFORME_SYNTAX, "emailInforme"))],
        filters=[strip],
    )


class FqdnForm(Form):
    """One name: what stands in front of a domain of the habilitation."""

    texte = StringField("Nom devant le domaine", filters=[strip])
    domaine = SelectField("Domaine", validate_choice=False)


class Etape3Form(ContactsForm):
    """Guide figures 41, 57, 76, 94: what the product does not have is taken away by ``fit``."""

    usage = RadioField("Usage", [required(Code.USAGE_MISSING)], validate_choice=False)
    usage_affiche = HiddenField()
    service_applicatif = StringField(
        "Service applicatif", [required(Code.SERVICE_APPLICATIF_MISSING), obeys(_service)], filters=[strip]
    )
    adresse_email = StringField(
        "Adresse email protégée",
        [Optional(), obeys(lambda value: normalize_email(value, Code.EMAIL_SYNTAX, "adresseEmail"))],
        filters=[strip],
    )
    adresse_locale = StringField("Nom avant « @ »", filters=[strip])
    adresse_texte = StringField("Sous-domaine", filters=[strip])
    adresse_domaine = SelectField("Domaine de messagerie", validate_choice=False)
    fqdns = FieldList(FormField(FqdnForm), min_entries=1, max_entries=MAX_FQDNS)
    upn = StringField("UPN", [Optional(), obeys(normalize_upn)], filters=[strip])
    meme_personne = BooleanField("Le bénéficiaire et l'acteur sont la même personne")

    def fit(self, ouverture: OffreOuverte, produit: Produit | None) -> None:
        """Keep the fields of this product, with the domains of the habilitation; without one, the usages alone."""
        self.usage.choices = [
            (usage.value, _usage_text(usage, ouverture)) for usage in USAGES_BY_OFFRE[ouverture.offre]
        ]
        has_address = produit is not None and has_field(produit, "adresseEmail")
        is_free = ouverture.offre is Offre.PS
        there = {
            "service_applicatif": produit is not None and has_field(produit, "serviceApplicatif"),
            "adresse_email": has_address and is_free,
            "adresse_locale": has_address and not is_free,
            "adresse_texte": has_address and not is_free,
            "adresse_domaine": has_address and not is_free,
            "fqdns": produit is not None and has_field(produit, "fqdn"),
            "upn": produit is not None and has_field(produit, "upn"),
            "meme_personne": has_address and ouverture.offre in {Offre.PRO, Offre.PS},
        }
        for name, is_there in there.items():
            if not is_there:
                del self[name]
        if there["adresse_domaine"]:
            self.adresse_domaine.choices = domain_choices(ouverture.domaines)
            _fix(self.adresse_texte, ouverture.domaines)
        if there["fqdns"]:
            for row in self.fqdns:
                _fix(row.form.texte, ouverture.domaines_serveur)
                row.form.domaine.choices = domain_choices(ouverture.domaines_serveur)
        self.usage_affiche.data = "" if produit is None else produit.usage.value

    def values(self) -> dict[str, Any]:
        """What was typed in the fields that are there, as a brouillon keeps it."""
        beside = {"csrf_token", "usage_affiche"}
        return {name: value or "" for name, value in self.data.items() if name not in beside}


def _usage_text(usage: Any, ouverture: OffreOuverte) -> str:  # noqa: ANN401 -- Usage
    closed = " (fermé aux nouvelles demandes)" if usage in ouverture.fermes else ""
    return USAGE_TEXTS[usage] + closed


def _fix(texte: StringField, domaines: tuple[DomaineOffert, ...]) -> None:
    """Guide §8.2.3: nothing can be typed where no domain admits anything in front of it, unless something was."""
    is_fixed = all(one.saisie is Saisie.NON_MODIFIABLE for one in domaines)
    if is_fixed and not texte.data:
        texte.render_kw = {"disabled": True}


def domain_choices(domaines: tuple[DomaineOffert, ...]) -> list[tuple[str, str]]:
    """A list of them; the only one is chosen by itself."""
    found = [(one.domaine, one.domaine) for one in domaines]
    return found if len(found) == 1 else [("", "Choisir un domaine"), *found]


def etape3_form(request: Request, data: FormData | None, kept: dict[str, Any]) -> Etape3Form:
    """As sent, or as kept."""
    return Etape3Form(request, data, **kept) if data is None else Etape3Form(request, data)
