"""The forms of demandes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.datastructures import FormData
from wtforms import Form, HiddenField, RadioField, SelectField, StringField
from wtforms.csrf.session import SessionCSRF
from wtforms.validators import DataRequired, Length, Optional, Regexp

from portal_ihm.shell.fields import check_readable, strip, with_code
from portal_ihm.shell.labels import USAGE_TEXTS
from registration.errors import Code
from registration.rules.limits import EMAIL_LENGTH, SERVICE_LENGTH, STRUCTURE_PATTERN
from registration.vocabulary import USAGES_BY_OFFRE, Offre


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
            Regexp(f"^{STRUCTURE_PATTERN}\\Z", message=with_code(Code.STRUCTURE_UNKNOWN)),
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
            check_readable,
            Length(max=SERVICE_LENGTH, message=f"Le service applicatif compte {SERVICE_LENGTH} caractères au plus."),
        ],
        filters=[strip],
    )
    email_acteur = StringField(
        "Email de l'acteur",
        [
            DataRequired(with_code(Code.EMAIL_ACTEUR_SYNTAX)),
            check_readable,
            Length(max=EMAIL_LENGTH, message=with_code(Code.EMAIL_ACTEUR_SYNTAX)),
        ],
        filters=[strip],
    )
    email_informe = StringField(
        "Email d'une personne à informer",
        [Optional(), check_readable, Length(max=EMAIL_LENGTH, message=with_code(Code.EMAIL_INFORME_SYNTAX))],
        filters=[strip],
    )
    csr_conservee = HiddenField()
    offertes = HiddenField()

    def __init__(
        self, formdata: FormData | None, structures: Sequence[tuple[str, str]], session: dict[str, Any], secret: bytes
    ) -> None:
        """``structures`` are (identifier, raison sociale) of the acteur's perimeter."""
        self.structure_choices = {ident: f"{raison} ({ident})" for ident, raison in structures}
        super().__init__(formdata, meta={"csrf_context": session, "csrf_secret": secret})
        # A choice that is gone must not become the only one left without a word.
        chosen = self.structure.data or next(iter(self.structure_choices), "")
        prompt = {} if [*self.structure_choices] == [chosen] else {"": "Choisir une structure"}
        self.structure.choices = {**prompt, **self.structure_choices}
