"""The two forms of the site (guide §11.2, figures 178, 181, 182). Every rule is the registration authority's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.datastructures import FormData
from wtforms import BooleanField, Form, HiddenField, PasswordField, RadioField, SelectField, StringField
from wtforms.validators import DataRequired, Length, Optional

from portal_ihm.shell.fields import JourField, check_readable, strip
from registration.rules.asked_revocation import AUTRE_MOTIF_LENGTH
from registration.rules.limits import EMAIL_LENGTH
from registration.values import RevocationForm
from registration.vocabulary import LABELS, Motif

AT_ONCE, ON_A_DAY = "immediate", "differee"
_LONGEST_SERIAL = 200
_LONGEST_CODE = 1_000
_NO_DAY = "Choisissez la date d'effet de la révocation différée."
_DAY_IN_VAIN = "Une révocation immédiate n'a pas d'autre date : effacez celle-ci, ou choisissez « Différée »."
_SIZES = {"normale": "A", "petite": "A-", "grande": "A+"}


class _SiteForm(Form):
    """What both have in common."""

    class Meta:
        """Messages of the library in French. The seals in the forms stand where a token of a session would."""

        csrf = False
        locales = ("fr",)


class ProofForm(_SiteForm):
    """First step: which certificate, and the code that proves it."""

    autorite = SelectField(
        "Autorité de certification",
        [DataRequired("Choisissez l'autorité de certification qui a émis le certificat.")],
        # Whatever else is sent is answered like a wrong one.
        validate_choice=False,
    )
    serie = StringField(
        "Numéro de série du certificat",
        [
            DataRequired("Recopiez le numéro de série du certificat."),
            Length(max=_LONGEST_SERIAL, message="Un numéro de série compte 32 chiffres."),
            check_readable,
        ],
        filters=[strip],
    )
    code = PasswordField(
        "Code de révocation",
        [
            DataRequired("Saisissez le code de révocation choisi lors du retrait."),
            Length(max=_LONGEST_CODE, message="Ce code est plus long que tout code de révocation."),
        ],
    )
    copie = StringField("Caractères de l'image", [DataRequired("Recopiez les caractères de l'image.")])
    defi = HiddenField()

    def __init__(self, formdata: FormData | None, autorites: Sequence[str]) -> None:
        """As sent, or empty."""
        super().__init__(formdata)
        self.autorite.choices = {"": "Choisir une autorité"} | {name: name for name in autorites}


class WishForm(_SiteForm):
    """Second step: why and when."""

    preuve = HiddenField()
    motif = RadioField(
        "Motif de la révocation",
        [DataRequired("Choisissez un motif.")],
        choices={motif.value: LABELS[motif] for motif in Motif},
    )
    autre_motif = StringField(
        "Autre motif", [Optional(), Length(max=AUTRE_MOTIF_LENGTH), check_readable], filters=[strip]
    )
    quand = RadioField(
        "Prise d'effet",
        choices={AT_ONCE: "Immédiate", ON_A_DAY: "Différée, à la date d'effet ci-dessous"},
        default=AT_ONCE,
    )
    date_effet = JourField("Date d'effet")
    email = StringField(
        "Adresse email pour la confirmation",
        [DataRequired("Saisissez une adresse email."), Length(max=EMAIL_LENGTH), check_readable],
        filters=[strip],
    )
    confirmation = BooleanField("Je confirme la demande de révocation de ce certificat : elle est définitive.")

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        """Besides each field: a day that is needed is asked for, one that will not be heeded is not passed over."""
        is_valid = super().validate(extra_validators)
        field, is_deferred = self.date_effet, self.quand.data == ON_A_DAY
        if not field.errors and is_deferred == (field.data is None):
            field.errors = [_NO_DAY if is_deferred else _DAY_IN_VAIN]
            return False
        return bool(is_valid)

    def wish(self) -> RevocationForm:
        """What is asked for, in the words of the contract."""
        day = self.date_effet.data if self.quand.data == ON_A_DAY else None
        return RevocationForm(
            motif=self.motif.data,
            autre_motif=self.autre_motif.data,
            date_effet=None if day is None else day.isoformat(),
            email=self.email.data,
            confirmation=bool(self.confirmation.data),
        )


def size_of(data: FormData | None) -> str:
    """The size of the text that a page was asked for in."""
    chosen = "" if data is None else data.get("taille", "")
    return chosen if isinstance(chosen, str) and chosen in _SIZES else "normale"
