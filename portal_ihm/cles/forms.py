"""What the page that makes a key sends: the CSR, and nothing else."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import FormData
from wtforms import Form, HiddenField
from wtforms.csrf.session import SessionCSRF


class CsrForm(Form):
    """``csr`` is the base64 of the PKCS#10 in DER."""

    class Meta:
        """Every form that writes carries a token tied to the session."""

        csrf = True
        csrf_class = SessionCSRF
        csrf_time_limit = None
        locales = ("fr",)

    csr = HiddenField()

    def __init__(self, formdata: FormData | None, session: dict[str, Any], secret: bytes) -> None:
        """As sent, or empty."""
        super().__init__(formdata, meta={"csrf_context": session, "csrf_secret": secret})
