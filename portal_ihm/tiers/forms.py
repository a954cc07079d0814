"""The form by which a third party is looked for and selected."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import FormData
from wtforms import Form, HiddenField, StringField
from wtforms.csrf.session import SessionCSRF
from wtforms.validators import Length

from portal_ihm.shell.fields import check_readable, strip, upper, with_code
from registration.errors import Code

_LONGEST = 32


class TiersForm(Form):
    """``trouve`` is the number that the last search has found: only that one may be selected."""

    class Meta:
        """Every form that writes carries a token tied to the session."""

        csrf = True
        csrf_class = SessionCSRF
        csrf_time_limit = None
        locales = ("fr",)

    numero = StringField(
        "Numéro du tiers",
        [check_readable, Length(max=_LONGEST, message=with_code(Code.TIERS_UNKNOWN))],
        filters=[strip, upper],
    )
    trouve = HiddenField()

    def __init__(self, formdata: FormData | None, session: dict[str, Any], secret: bytes) -> None:
        """As sent, or empty."""
        super().__init__(formdata, meta={"csrf_context": session, "csrf_secret": secret})
