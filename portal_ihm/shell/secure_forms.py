"""What every form that writes has: a token tied to the session, and how a body is read into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.datastructures import FormData, UploadFile
from wtforms import Form
from wtforms.csrf.session import SessionCSRF

from portal_ihm.shell.context import form_session, portal_of

if TYPE_CHECKING:
    from starlette.requests import Request

TOO_OLD = "Ce formulaire a été ouvert il y a trop longtemps. Vérifiez la saisie et envoyez-le à nouveau."
_MAX_TEXT = 48 * 1024
_MAX_FIELDS = 60


class SecureForm(Form):
    """A form of who acts: its token is worth nothing in another session."""

    class Meta:
        """Every form that writes carries a token tied to the session."""

        csrf = True
        csrf_class = SessionCSRF
        # The session limits the time.
        csrf_time_limit = None
        locales = ("fr",)

    def __init__(self, request: Request, formdata: FormData | None = None, **values: Any) -> None:  # noqa: ANN401 -- as of the fields
        """As sent, or with these ``values``."""
        meta = {"csrf_context": form_session(request), "csrf_secret": portal_of(request).csrf_secret}
        super().__init__(formdata, data=values, meta=meta)

    @property
    def is_too_old(self) -> bool:
        """Whether the token is not that of this session, once validated."""
        return bool(self["csrf_token"].errors)


async def read_texts(request: Request) -> FormData:
    """The texts of a form; a file in the place of a text is no text."""
    texts, _ = await read_upload(request, None, 0)
    return texts


async def read_upload(request: Request, name: str | None, longest: int) -> tuple[FormData, tuple[str, bytes] | None]:
    """The texts of a form, and the file of this name with the first ``longest`` + 1 bytes of it, if one was chosen."""
    files = 0 if name is None else 1
    async with request.form(max_files=files, max_fields=_MAX_FIELDS, max_part_size=_MAX_TEXT) as data:
        upload = data.get(name) if name is not None else None
        found = None
        if isinstance(upload, UploadFile):
            content = await upload.read(longest + 1)
            found = (upload.filename or "", content) if upload.filename or content else None
        return FormData([(key, value) for key, value in data.multi_items() if isinstance(value, str)]), found
