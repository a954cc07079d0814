"""Forms that write: their token, what a form is told that was opened too long ago, and how a view reads one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.datastructures import FormData
from wtforms import Form
from wtforms.csrf.session import SessionCSRF

from portal_ihm.shell.context import form_session, portal_of

if TYPE_CHECKING:
    from starlette.requests import Request

TOO_OLD = "Ce formulaire a été ouvert il y a trop longtemps. Vérifiez la saisie et envoyez-le à nouveau."
_FIELDS = 30
_LONGEST = 16 * 1024


class FormThatWrites(Form):
    """Carries a token tied to the session of the acteur, for as long as the signed session cookie lasts."""

    class Meta:
        """WTForms asks for these names."""

        csrf = True
        csrf_class = SessionCSRF
        csrf_time_limit = None
        locales = ("fr",)

    def __init__(self, request: Request, formdata: FormData | None, **values: Any) -> None:  # noqa: ANN401 -- WTForms' own
        """As sent, or with these values."""
        meta = {"csrf_context": form_session(request), "csrf_secret": portal_of(request).csrf_secret}
        super().__init__(formdata, meta=meta, **values)

    @property
    def general_errors(self) -> list[str]:
        """What is wrong with no field that anybody sees."""
        return [TOO_OLD] if self["csrf_token"].errors else []


async def read_texts(request: Request) -> FormData:
    """The fields of a form without files; a file in the place of a text is no text."""
    async with request.form(max_files=0, max_fields=_FIELDS, max_part_size=_LONGEST) as data:
        return FormData([(name, value) for name, value in data.multi_items() if isinstance(value, str)])
