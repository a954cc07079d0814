"""The one script of the portal, and the pages that carry it."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import TYPE_CHECKING

from portal_ihm.shell.fields import with_code
from portal_ihm.shell.headers import SCRIPT_MARK
from portal_ihm.shell.rendering import STATIC_FOLDER, render

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.responses import HTMLResponse

    from registration.errors import Code

BUNDLE = STATIC_FOLDER / "navigateur" / "cles.js"


@cache
def integrity() -> str:
    """What a browser holds the script to before it runs it (SRI)."""
    return "sha384-" + base64.b64encode(hashlib.sha384(BUNDLE.read_bytes()).digest()).decode()


def render_with_script(
    request: Request, template: str, codes: Iterable[Code], *, status: int = 200, **context: object
) -> HTMLResponse:
    """A page that carries the script, with the sentences of the ``codes`` that the script may have to tell."""
    told = {code.value: with_code(code) for code in codes}
    page = render(request, template, status=status, told=told, integrity=integrity(), **context)
    page.headers[SCRIPT_MARK] = "yes"
    return page
