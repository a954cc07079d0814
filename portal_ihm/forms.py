"""The forms: what a field may look like before the registration authority judges it. No rule of the domain here."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from starlette.datastructures import FormData
from wtforms import DateField, Form, HiddenField, IntegerField, RadioField, SelectField, StringField
from wtforms.csrf.session import SessionCSRF
from wtforms.validators import DataRequired, Length, Optional, Regexp, ValidationError
from wtforms.widgets import TextInput

from portal_ihm.context import parse_numero
from portal_ihm.labels import OFFRE_TEXTS, USAGE_TEXTS, label
from portal_ihm.periods import PERIODE_TEXTS, Periode
from registration.errors import TEXTS, Code
from registration.vocabulary import USAGES_BY_OFFRE, EtatDemande, Offre

ALL_OFFRES = "TOUTES"

_STRUCTURE = r"[0-9][0-9A-Z]{5,19}"
_NUMERO_MESSAGE = "Saisissez un nombre entier positif, par exemple 589."
_DATE_MESSAGE = "Saisissez une date existante, par exemple 23/11/2026."
_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)


def strip(value: str | None) -> str | None:
    """The value without surrounding blanks, None when nothing is left."""
    return (value or "").strip() or None


def upper(value: str | None) -> str | None:
    """Identifiers are read aloud and typed in any case."""
    return value.upper() if value else None


def _check_readable(_form: Form, field: StringField) -> None:
    # A zero byte, for one, cannot even be searched for in PostgreSQL.
    if field.data and any(unicodedata.category(character) == "Cc" for character in field.data):
        raise ValidationError("Ce champ contient des caractères qui ne se lisent pas.")


def with_code(code: Code, **data: object) -> str:
    """A text of the catalogue with its code, as users quote it to the support."""
    return f"{TEXTS[code].format(**data)} ({code.value})"


def _choices(prompt: str, texts: Mapping[Any, str]) -> dict[str, str]:
    return {"": prompt} | {value.value: text for value, text in texts.items()}


class NumeroField(IntegerField):
    """A positive number of at most 64 bits; blanks between groups of digits are accepted."""

    # A number input of a browser forgets what it cannot read, and with it what the reader has to correct.
    widget = TextInput()

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Keep what was typed for the page; refuse everything but ASCII digits."""
        text = re.sub(r"\s", "", str(valuelist[0])) if valuelist else ""
        self.data = None
        if not text:
            return
        self.data = parse_numero(text)
        if self.data is None:
            raise ValueError(_NUMERO_MESSAGE)


class JourField(DateField):
    """A day; browsers send ISO dates, people without a date picker type the French form."""

    def __init__(self, label: str, **options: Any) -> None:  # noqa: ANN401 -- the form binds itself through them
        super().__init__(label, [Optional(), _check_day], format=["%Y-%m-%d", "%d/%m/%Y"], **options)

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Nothing typed is no date; what is no date is said in French."""
        if not "".join(valuelist).strip():
            return
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(_DATE_MESSAGE) from None


def _check_day(_form: Form, field: DateField) -> None:
    if field.data is not None and not _FIRST_DAY <= field.data <= _LAST_DAY:
        raise ValidationError(_DATE_MESSAGE)


class CriteresForm(Form):
    """Criteria of the follow-up of demandes (guide §10.1.1, figure 140); sent by GET, so without token."""

    class Meta:
        """Messages of the library in French."""

        locales = ("fr",)

    numero = NumeroField("Numéro de demande", [Optional()])
    index_lot = NumeroField("Index de lot", [Optional()])
    offre = SelectField(
        "Offre",
        choices=_choices("Choisir une offre", OFFRE_TEXTS) | {ALL_OFFRES: "TOUTES – toutes les offres"},
        default="",
    )
    usage = SelectField("Usage du produit", choices=_choices("Tous les usages", USAGE_TEXTS), default="")
    etat = SelectField(
        "État de la demande",
        choices=_choices("Tous les états", {etat: label(etat) for etat in EtatDemande}),
        default="",
    )
    periode = RadioField("Date de la demande", choices=_choices("Toutes les dates", PERIODE_TEXTS), default="")
    apres_le = JourField("Après le")
    avant_le = JourField("Avant le")
    structure = StringField(
        "Identifiant national de la structure",
        [Optional(), Regexp(f"^{_STRUCTURE}\\Z", message="Saisissez un identifiant national, par exemple 10B0039137.")],
        filters=[strip, upper],
    )
    service_applicatif = StringField("Nom applicatif", [Optional(), _check_readable, Length(max=65)], filters=[strip])
    adresse_email = StringField(
        "Adresse email protégée", [Optional(), _check_readable, Length(max=254)], filters=[strip]
    )
    fqdn = StringField("FQDN", [Optional(), _check_readable, Length(max=253)], filters=[strip])

    def validate_periode(self, field: RadioField) -> None:
        """An interval needs one end at least, in the right order."""
        after, before = self.apres_le, self.avant_le
        if field.data != Periode.INTERVALLE or after.process_errors or before.process_errors:
            return
        if not (after.data or before.data):
            raise ValidationError("Saisissez au moins l'une des deux dates de l'intervalle.")
        if after.data and before.data and before.data < after.data:
            raise ValidationError("La date « Avant le » précède la date « Après le ».")


class DemandeOrgForm(Form):
    """A demande for offre ORG with a CSR of the sender (guide §8.1); the file itself is read by the view."""

    class Meta:
        """Every form that writes carries a token tied to the session."""

        csrf = True
        csrf_class = SessionCSRF
        # The signed session cookie limits the time.
        csrf_time_limit = None
        locales = ("fr",)

    structure = SelectField(
        "Structure",
        [
            DataRequired(with_code(Code.STRUCTURE_UNKNOWN)),
            Regexp(f"^{_STRUCTURE}\\Z", message=with_code(Code.STRUCTURE_UNKNOWN)),
        ],
        # Whether the acteur may is for the registration authority to say, at the time of the act.
        validate_choice=False,
    )
    usage = RadioField(
        "Usage",
        [DataRequired(with_code(Code.USAGE_MISSING))],
        choices={usage.value: USAGE_TEXTS[usage] for usage in USAGES_BY_OFFRE[Offre.ORG]},
    )
    service_applicatif = StringField(
        "Service applicatif",
        [
            DataRequired(with_code(Code.SERVICE_APPLICATIF_MISSING)),
            _check_readable,
            Length(max=64, message="Le service applicatif compte 64 caractères au plus."),
        ],
        filters=[strip],
    )
    email_acteur = StringField(
        "Email de l'acteur",
        [
            DataRequired(with_code(Code.EMAIL_ACTEUR_SYNTAX)),
            _check_readable,
            Length(max=254, message=with_code(Code.EMAIL_ACTEUR_SYNTAX)),
        ],
        filters=[strip],
    )
    email_informe = StringField(
        "Email d'une personne à informer",
        [Optional(), _check_readable, Length(max=254, message=with_code(Code.EMAIL_INFORME_SYNTAX))],
        filters=[strip],
    )
    csr_conservee = HiddenField()

    def __init__(
        self, formdata: FormData | None, structures: Sequence[tuple[str, str]], session: dict[str, Any], secret: bytes
    ) -> None:
        """``structures`` are (identifier, raison sociale) of the acteur's perimeter."""
        self.structure_choices = {ident: f"{raison} ({ident})" for ident, raison in structures}
        super().__init__(formdata, meta={"csrf_context": session, "csrf_secret": secret})
        prompt = {} if len(structures) == 1 else {"": "Choisir une structure"}
        self.structure.choices = {**prompt, **self.structure_choices}
