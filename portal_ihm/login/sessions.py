"""The session of one request: found by its cookie, and kept afterwards when something has changed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import msgspec
import structlog

from portal_ihm.shell.doors import set_cookie
from registration.errors import IgcError
from registration.sessions.values import Ouverture, SessionOuverte

if TYPE_CHECKING:
    from starlette.requests import Request

    from portal_ihm.shell.context import Portal

log = structlog.get_logger()
_SEEN_EVERY = timedelta(minutes=1)


@dataclass(slots=True)
class Held:
    """A session as this request has it; ``data`` is what screens read and write as ``request.session``."""

    token: str | None = None
    opened: SessionOuverte | None = None
    data: dict[str, Any] = field(default_factory=dict)
    before: bytes = b""
    holder: str | None = None
    certificat: str | None = None

    @property
    def has_changed(self) -> bool:
        """Whether the screens have changed it."""
        return _encode(self.data) != self.before


def cookie_token(request: Request, portal: Portal) -> str | None:
    """What the browser says that its session is."""
    return request.cookies.get(portal.door.cookie)


def find(request: Request, portal: Portal, held: Held, certificate: bytes | None) -> None:
    """Fill ``held`` with the session of the browser's cookie, if it is one of this door and this certificate."""
    held.certificat = None if certificate is None else hashlib.sha256(certificate).hexdigest()
    held.before = _encode({})
    token = cookie_token(request, portal)
    opened = None if token is None else portal.authority.sessions.read(token, portal.door.porte, held.certificat)
    if opened is None:
        return
    held.token, held.opened, held.before = token, opened, _encode(opened.donnees)
    held.data.update(opened.donnees)


def bind(held: Held, holder: str) -> None:
    """It is this holder's; one that was opened by another is no session of his."""
    held.holder = holder
    if held.opened is not None and held.opened.acteur != holder:
        held.token = held.opened = None
        held.before = _encode({})
        held.data.clear()


def keep(portal: Portal, held: Held) -> str | None:
    """Write what has changed, or at most once a minute that it is in use; gives a Set-Cookie for a new one.

    A database that does not serve in time loses what was to be kept: a form has to be sent twice then.
    """
    try:
        return _keep(portal, held)
    except IgcError as error:
        log.warning("session not kept", why=error.code.value)
        return None


def is_to_keep(portal: Portal, held: Held) -> bool:
    """Whether ``keep`` would write anything."""
    if held.holder is None:
        return False
    if held.has_changed:
        return True
    return held.opened is not None and portal.clock() - held.opened.vue_le >= _SEEN_EVERY


def _keep(portal: Portal, held: Held) -> str | None:
    sessions, durees = portal.authority.sessions, portal.durees
    changed = held.data if held.has_changed else None
    if held.token is not None:
        # One that was ended while the page was made stays ended.
        sessions.keep(held.token, changed, durees)
        return None
    if not held.data or not portal.door.asks_certificate:
        return None
    opening = Ouverture(
        porte=portal.door.porte, acteur=cast("str", held.holder), certificat=held.certificat, donnees=held.data
    )
    token = sessions.open(opening, durees)
    return set_cookie(portal.door.cookie, token, portal.door.same_site)


def _encode(data: dict[str, Any]) -> bytes:
    return msgspec.json.encode(data)
