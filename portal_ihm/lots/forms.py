"""The forms of lots: a button and its token; the file is read by the view."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import FormData
from wtforms import Form
from wtforms.csrf.session import SessionCSRF


class ConfirmForm(Form):
    """Nothing but the proof that it comes from a page of this session."""

    class Meta:
        """Every form that writes carries a token tied to the session."""

        csrf = True
        csrf_class = SessionCSRF
        csrf_time_limit = None
        locales = ("fr",)

    def __init__(self, formdata: FormData | None, session: dict[str, Any], secret: bytes) -> None:
        """As sent, or empty."""
        super().__init__(formdata, meta={"csrf_context": session, "csrf_secret": secret})


TOO_OLD = "Cette page a été ouverte il y a trop longtemps. Recommencez : rien n'a encore été fait."
