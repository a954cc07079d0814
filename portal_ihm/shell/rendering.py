"""HTML from templates: one Jinja2 environment, everything escaped, undefined names are errors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse
from starlette.routing import Match

from portal_ihm.shell import labels
from portal_ihm.shell.context import is_operateur, known_caller, may_act_for_others, offres_of, shell_of
from portal_ihm.shell.doors import SIZE_COOKIE, SIZES, Assistance, Door
from registration.vocabulary import Plateforme

if TYPE_CHECKING:
    from starlette.requests import Request

_FOLDER = Path(__file__).parent.parent
STATIC_FOLDER = _FOLDER / "static"


def make_templates(
    plateforme: Plateforme, *, door: Door | None = None, assistance: Assistance | None = None
) -> Environment:
    """The environment of all templates, with the filters of ``labels``; ``door`` is None on the site without login."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(labels.FILTERS)
    environment.globals |= {"plateforme": plateforme.value, "door": door, "assistance": assistance or Assistance()}
    return environment


def render(request: Request, template: str, *, status: int = 200, **context: object) -> HTMLResponse:
    """A whole page; ``acteur`` is None on the pages that are shown before or without identification."""
    caller = known_caller(request.scope)
    acteur = None if caller is None else caller.acteur
    page = shell_of(request).templates.get_template(template)
    html = page.render(
        acteur=acteur,
        administrateur=None if caller is None else caller.administrateur,
        offres=offres_of(request.scope),
        may_request=bool(offres_of(request.scope)),
        may_act_for_others=may_act_for_others(request.scope),
        is_operateur=is_operateur(request.scope),
        path=request.scope["path"],
        taille_texte=text_size(request),
        ici=_address(request),
        **context,
    )
    return HTMLResponse(html, status_code=status)


def text_size(request: Request) -> str:
    """How large who reads wants the text, as his browser keeps it: one of ``SIZES``."""
    chosen = request.cookies.get(SIZE_COOKIE, "")
    return chosen if chosen in SIZES else "normale"


def _address(request: Request) -> str:
    """This page, to come back to; of one that answers a form, the address that shows it empty, or none."""
    path: str = request.scope["path"]
    if request.method in {"GET", "HEAD"}:
        query = request.scope.get("query_string", b"").decode("latin-1")
        return f"{path}?{query}" if query else path
    reading = {**request.scope, "method": "GET"}
    if any(route.matches(reading)[0] is Match.FULL for route in request.app.routes):
        return path
    return "/"
