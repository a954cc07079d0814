"""What every view needs and where it finds it in a request: the portal's parts, the acteur, the session for CSRF."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

from jinja2 import Environment

from portal_ihm.shell.doors import Door
from registration.errors import Code, NotFoundError
from registration.lot_files import ReadLot
from registration.sessions.values import Durees
from registration.values import Acteur, Caller, Origin
from registration.views import DemandeDetail
from registration.vocabulary import Canal, Offre
from runtime.clock import Clock

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Scope

    from registration.exploitation.port import ExploitationPort
    from registration.ports import AuthorityPort

_MAX_NUMERO = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Portal:
    """The parts that ``build_app`` puts together for one door.

    ``max_body`` bounds what a form may send, in bytes; ``durees`` how long a session lasts.
    ``exploitation`` is None where there is no operators' room.
    ``larger`` are the paths that take files of another size.
    ``read_lot`` reads a lot in a file; None where no file is taken.
    """

    authority: AuthorityPort
    door: Door
    durees: Durees
    csrf_secret: bytes
    offered_secret: bytes
    clock: Clock
    templates: Environment
    max_body: int
    exploitation: ExploitationPort | None = None
    larger: Mapping[str, int] = field(default_factory=dict)
    read_lot: ReadLot | None = None

    def limit_of(self, path: str) -> int:
        """How many bytes a body on this path may have."""
        return self.larger.get(path, self.max_body)

    @property
    def origin(self) -> str:
        """Scheme, host and port of the public address of this door."""
        return self.door.origin


class Shell(Protocol):
    """What the shell itself needs of whatever application it stands around."""

    @property
    def templates(self) -> Environment:
        """Where pages are made from."""


def shell_of(request: Request) -> Shell:
    """The running application as the shell sees it."""
    return cast("Shell", request.app.state.portal)


def portal_of(request: Request) -> Portal:
    """The parts of the running portal."""
    return cast("Portal", request.app.state.portal)


def is_door_of_cards(request: Request) -> bool:
    """Whether this is a door where only cards come in."""
    return portal_of(request).door.is_of_cards


def paths_of(request: Request) -> frozenset[str]:
    """The paths of the running application, as their routes are written: a link leads to none that is not there."""
    return frozenset(str(getattr(route, "path", "")) for route in request.app.routes)


def known_caller(scope: Scope) -> Caller | None:
    """Who the guard recognised, None before or without it."""
    return cast("Caller | None", scope.get("state", {}).get("caller"))


def offres_of(scope: Scope) -> frozenset[Offre]:
    """The offres for which the acteur may request something, as the guard found for this very request."""
    return cast("frozenset[Offre]", scope.get("state", {}).get("offres", frozenset()))


def may_act_for_others(scope: Scope) -> bool:
    """Whether who presents the card may act for a third party, as the guard found for this very request."""
    return bool(scope.get("state", {}).get("may_act_for_others"))


def is_operateur(scope: Scope) -> bool:
    """Whether the operators' room is open to who asks, as the guard found for this very request."""
    return bool(scope.get("state", {}).get("is_operateur"))


def holder_of(request: Request) -> Caller:
    """Who presents the card, whomever he acts for; AttributeError without the guard."""
    return cast("Caller", request.state.holder)


def chosen_tiers(session: dict[str, Any], holder: Caller) -> str | None:
    """The national id for which this very holder has chosen to act. It is a wish: whether he may is asked elsewhere."""
    tiers = session.get("tiers")
    return tiers if isinstance(tiers, str) and session.get("acteur") == holder.key else None


def choose_tiers(request: Request, id_national: str | None) -> None:
    """Act for this third party from the next page on, or for nobody; forms that were opened before are void."""
    session = request.session
    session.clear()
    session["acteur"] = holder_of(request).key
    if id_national is not None:
        session["tiers"] = id_national


def caller_of(request: Request) -> Caller:
    """Who acts and what he presented, as ``guard`` found for this very request; AttributeError without."""
    return cast("Caller", request.state.caller)


def acteur_of(request: Request) -> Acteur:
    """Who acts."""
    return caller_of(request).acteur


def parse_numero(text: str) -> int | None:
    """The number of a demande or a lot, a positive signed 64-bit integer in ASCII digits; None for anything else."""
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(_MAX_NUMERO)):
        return None
    return int(text) if 1 <= int(text) <= _MAX_NUMERO else None


def origin_of(request: Request, offered: frozenset[str] = frozenset()) -> Origin:
    """The acteur, the canal and the structures that his form proves to have offered, for the use cases that write."""
    caller = caller_of(request)
    return Origin(
        acteur=caller.acteur,
        administrateur=caller.administrateur,
        canal=Canal.IHM,
        identite=caller.identite,
        offered=offered,
        to_enter=caller.to_enter,
    )


def form_session(request: Request) -> dict[str, Any]:
    """The session that holds the CSRF secret of the acteur; emptied when another person now uses the browser."""
    session = request.session
    key = caller_of(request).key
    if session.get("acteur") != key:
        session.clear()
    session["acteur"] = key
    return session


def read_visible(request: Request) -> DemandeDetail:
    """The demande that the path names; NotFoundError alike for one that the acteur may not see and for nonsense."""
    return portal_of(request).authority.demandes.read(acteur_of(request), named_numero(request))


def named_numero(request: Request, unknown: Code = Code.DEMANDE_UNKNOWN) -> int:
    """The number that the path names; NotFoundError for what is none."""
    numero = parse_numero(request.path_params["numero"])
    if numero is None:
        raise NotFoundError(unknown)
    return numero
