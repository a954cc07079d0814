"""What the views of the site need, and where they find it in a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from jinja2 import Environment

from portal_ihm.sans_login.captcha import Captchas
from portal_ihm.sans_login.sealing import Seals
from registration.rules.proved_revocation import ProvedCertificat
from runtime.clock import Clock
from runtime.listening.turns import Shares, Turns

if TYPE_CHECKING:
    from starlette.requests import Request

    from registration.ports import RevocationsParCodePort

LINE = "line"
"""Key of ``request.state``: a digest of the line from which somebody asks."""

# A slow hash takes 50 ms of a core and 16 MB; a picture 20 ms, a sound half a second. One line never has all places.
_PROOFS = Shares(in_all=2, per_key=1, waiting_in_all=100, waiting_per_key=3, patience=10.0)
_PICTURES = Shares(in_all=1, per_key=1, waiting_in_all=100, waiting_per_key=3, patience=5.0)
_SOUNDS = Shares(in_all=1, per_key=1, waiting_in_all=16, waiting_per_key=2, patience=10.0)


@dataclass(frozen=True, slots=True)
class Site:
    """The parts that ``build_site`` puts together. ``origin`` is scheme, host and port of the public address."""

    par_code: RevocationsParCodePort
    origin: str
    clock: Clock
    templates: Environment
    captchas: Captchas
    proofs: Seals[ProvedCertificat]
    proving: Turns
    drawing: Turns
    speaking: Turns


def make_turns() -> tuple[Turns, Turns, Turns]:
    """Places for proofs, pictures and sounds; all are free."""
    return Turns(_PROOFS), Turns(_PICTURES), Turns(_SOUNDS)


def site_of(request: Request) -> Site:
    """The parts of the running site."""
    return cast("Site", request.app.state.portal)


def line_of(request: Request) -> str:
    """A digest of the line from which this request comes, as the guard found."""
    return str(getattr(request.state, LINE))
