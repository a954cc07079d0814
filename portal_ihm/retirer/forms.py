"""The forms of the withdrawal: what to look for, and the second step (guide §9.1, §9.2)."""

from __future__ import annotations

from wtforms import BooleanField, Form, PasswordField, SelectField, StringField
from wtforms.validators import Optional, Regexp

from portal_ihm.shell.fields import NumeroField, choices, strip, upper, with_code
from portal_ihm.shell.labels import OFFRE_TEXTS, refusal_text
from portal_ihm.shell.secure_forms import SecureForm
from registration.errors import Code, IgcError
from registration.retrait_views import RetraitCriteria
from registration.rules.limits import STRUCTURE_PATTERN
from registration.rules.revocation_code import check_code
from registration.views import RetraitConditions
from registration.vocabulary import Offre


class CriteresForm(Form):
    """What to look for among what waits; sent by GET, so without token."""

    class Meta:
        """Messages of the library in French."""

        locales = ("fr",)

    offre = SelectField("Offre", choices=choices("Toutes les offres", OFFRE_TEXTS), default="")
    structure = StringField(
        "Identifiant national de la structure",
        [
            Optional(),
            Regexp(f"^{STRUCTURE_PATTERN}\\Z", message="Saisissez un identifiant national, par exemple 10B0039137."),
        ],
        filters=[strip, upper],
    )
    index_lot = NumeroField("Index de lot", [Optional()])

    @property
    def criteria(self) -> RetraitCriteria:
        """The same for the registration authority; of a form that is valid."""
        return RetraitCriteria(
            offre=Offre(self.offre.data) if self.offre.data else None,
            structure=self.structure.data,
            index_lot=self.index_lot.data,
        )


class RetraitForm(SecureForm):
    """The revocation code, typed twice, and the acceptance. No page is ever sent back with the code in it."""

    code = PasswordField("Code de révocation")
    confirmation = PasswordField("Confirmation du code de révocation")
    acceptation = BooleanField("Le bénéficiaire accepte le certificat et les CGU, et s'engage à respecter la PC.")

    @property
    def conditions(self) -> RetraitConditions:
        """What the registration authority is given."""
        return RetraitConditions(
            code=self.code.data or "", confirmation=self.confirmation.data or "", cgu_accepted=self.acceptation.data
        )

    def judge(self) -> bool:
        """Every error at its field at once, by the rules that the withdrawal itself asks, in their order."""
        conditions = self.conditions
        try:
            check_code(conditions.code, conditions.confirmation)
        except IgcError as error:
            field = self.confirmation if error.champ == "confirmation" else self.code
            field.errors = [f"{refusal_text(error)} ({error.code.value})"]
        if not conditions.cgu_accepted:
            self.acceptation.errors = [with_code(Code.CGU_NOT_ACCEPTED)]
        return not self.errors
