"""The two forms of the site (guide §11.2, figures 178, 181, 182). Every rule is the registration authority's."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import FormData
from wtforms import Form, HiddenField, PasswordField, SelectField, StringField
from wtforms.validators import DataRequired, Length

from portal_ihm.shell.fields import check_readable, strip
from portal_ihm.shell.revoking import WishFields

_LONGEST_SERIAL = 200
_LONGEST_CODE = 1_000
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


class WishForm(WishFields, _SiteForm):
    """Second step: why and when."""

    preuve = HiddenField()


def size_of(data: FormData | None) -> str:
    """The size of the text that a page was asked for in."""
    chosen = "" if data is None else data.get("taille", "")
    return chosen if isinstance(chosen, str) and chosen in _SIZES else "normale"
