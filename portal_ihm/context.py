"""What every view needs and where it finds it in a request: the portal's parts, the acteur, the session for CSRF."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from jinja2 import Environment

from registration.values import Acteur, Origin
from registration.vocabulary import Canal
from runtime.clock import Clock

if TYPE_CHECKING:
    from starlette.requests import Request

    from registration.authority import RegistrationAuthority

_MAX_NUMERO = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Portal:
    """The parts that ``build_app`` puts together. ``origin`` is scheme, host and port of the public address.

    ``max_body`` bounds what a form may send, in bytes.
    """

    authority: RegistrationAuthority
    origin: str
    csrf_secret: bytes
    clock: Clock
    templates: Environment
    max_body: int


def portal_of(request: Request) -> Portal:
    """The parts of the running portal."""
    return cast("Portal", request.app.state.portal)


def acteur_of(request: Request) -> Acteur:
    """Who acts, as ``guard`` found from the client certificate of this very request; AttributeError without."""
    return cast("Acteur", request.state.acteur)


def parse_numero(text: str) -> int | None:
    """The number of a demande or a lot, a positive signed 64-bit integer in ASCII digits; None for anything else."""
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(_MAX_NUMERO)):
        return None
    return int(text) if 1 <= int(text) <= _MAX_NUMERO else None


def origin_of(request: Request) -> Origin:
    """The acteur and the canal, for the use cases that write."""
    return Origin(acteur=acteur_of(request), canal=Canal.IHM)


def form_session(request: Request) -> dict[str, Any]:
    """The session that holds the CSRF secret of the acteur; emptied when another person now uses the browser."""
    session = request.session
    acteur = acteur_of(request)
    if session.get("acteur") != acteur.id:
        session.clear()
    # Written each time, so that the cookie's age is that of the last activity.
    session["acteur"] = acteur.id
    return session
