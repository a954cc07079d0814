"""Why and when a certificate is to be revoked (guide §11.1.2, §11.2.2): the form that both ways to it share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from wtforms import BooleanField, Form, RadioField, StringField
from wtforms.validators import DataRequired, Length, Optional

from portal_ihm.shell.fields import JourField, check_readable, strip
from portal_ihm.shell.labels import refusal_text
from registration.errors import Code, IgcError
from registration.rules.asked_revocation import AUTRE_MOTIF_LENGTH, judge_form
from registration.rules.limits import EMAIL_LENGTH
from registration.values import RevocationForm
from registration.vocabulary import LABELS, Motif

AT_ONCE, ON_A_DAY = "immediate", "differee"
_NO_DAY = "Choisissez la date d'effet de la révocation différée."
_DAY_IN_VAIN = "Une révocation immédiate n'a pas d'autre date : effacez celle-ci, ou choisissez « Différée »."
_WISH_FIELDS = {
    "motif": "motif",
    "autreMotif": "autre_motif",
    "dateEffet": "date_effet",
    "emailActeur": "email",
    "confirmation": "confirmation",
    "enTantQue": "en_tant_que",
}
"""Field of the contract to field of the form."""


class WishFields(Form):
    """Motif, day, address and confirmation; whether they may be is the registration authority's to say."""

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

    def wish(self, numero: int | None = None, en_tant_que: str | None = None) -> RevocationForm:
        """What is asked for, in the words of the contract."""
        day = self.date_effet.data if self.quand.data == ON_A_DAY else None
        return RevocationForm(
            numero=numero,
            motif=self.motif.data,
            autre_motif=self.autre_motif.data,
            date_effet=None if day is None else day.isoformat(),
            en_tant_que=en_tant_que,
            email=self.email.data,
            confirmation=bool(self.confirmation.data),
        )

    def is_sound(self, wish: RevocationForm, now: datetime) -> bool:
        """Whether nothing is wrong, of all that can be said at once; what is, stands beside its field.

        ``wish`` names its certificate.
        """
        self.validate()
        verdict = judge_form(wish, now)
        for refusal in verdict if isinstance(verdict, tuple) else ():
            self.place(refusal)
        return not self.errors

    def place(self, refusal: IgcError) -> bool:
        """Put a refusal beside its field, unless something stands there already; False where it has none."""
        name = _WISH_FIELDS.get(refusal.champ or "")
        if name is None or name not in self:
            return False
        field = self[name]
        if not field.errors:
            field.errors = [told(refusal)]
        return True


def told(refusal: IgcError) -> str:
    """What is wrong, without the name of the field that it stands beside."""
    text = refusal_text(refusal)
    if refusal.code is Code.FIELD_INVALID:
        raison = str(refusal.data["raison"])
        text = raison[:1].upper() + raison[1:]
    return f"{text} ({refusal.code.value})"
