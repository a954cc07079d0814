"""Somebody who goes to every route, on one connection of his own, and what each answer must carry whatever it says."""

from __future__ import annotations

import hashlib
import http.client
import re
import ssl
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from email.message import Message
from http.cookies import SimpleCookie
from typing import Self

from starlette.applications import Starlette
from starlette.routing import Mount, Route

from storage import tables
from storage.database import Database
from tests.integration.portal.world import PortalWorld
from tests.support.pairs import Pair

_PARAMETER = re.compile(r"\{\w+(?::\w+)?\}")
_STATIC = "/static"
_ASIDE = frozenset({"session_portail"})
"""Tables that say who is looking, and nothing of what was done."""
_POLICY = ("default-src 'none'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'")
_CHANCE = re.compile(r'\b[0-9a-f]{12}\b|(?<=name="csrf_token" type="hidden" value=")[^"]*|(?<=name="offertes" )[^>]*')
"""What differs between two showings of one page: references of incidents, tokens."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; ``headers`` with names in any case."""

    status: int
    headers: Message
    text: str

    @property
    def is_page(self) -> bool:
        return self.headers.get_content_type() == "text/html"


@dataclass
class Walker:
    """Who presents this certificate, or none; keeps cookies as a browser does. ``door`` is another one than the usual."""

    world: PortalWorld
    pair: Pair | None
    door: str = ""
    cookies: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        context = ssl.create_default_context(cafile=str(self.world.root))
        if self.pair is not None:
            context.load_cert_chain(*self.pair.strings)
        self.url = self.door or self.world.url
        address = self.url.removeprefix("https://")
        self._connection = http.client.HTTPSConnection(address, timeout=30, context=context)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(self, method: str, path: str, *, origin: str | None = None, body: str = "") -> Answer:
        """The path goes out as it stands: nothing makes it tidy. Once more if the server has hung up meanwhile."""
        try:
            return self._ask(method, path, origin, body)
        except http.client.RemoteDisconnected:
            self._connection.close()
            return self._ask(method, path, origin, body)

    def _ask(self, method: str, path: str, origin: str | None, body: str) -> Answer:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if origin is not None:
            headers["Origin"] = origin
        if method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.putrequest(method, path, skip_accept_encoding=True)
        content = body.encode()
        for name, value in headers.items():
            self._connection.putheader(name, value)
        self._connection.putheader("Content-Length", str(len(content)))
        self._connection.endheaders(content)
        response = self._connection.getresponse()
        answer = Answer(response.status, response.headers, response.read().decode("utf-8", "replace"))
        self._keep(answer)
        return answer

    def own(self, method: str, path: str, body: str = "") -> Answer:
        """As from a form of ours."""
        return self.ask(method, path, origin=self.url, body=body)

    def token(self) -> str:
        """A token that the forms of this session are sent with; empty where no form is shown."""
        found = re.search(r'name="csrf_token" type="hidden" value="([^"]+)"', self.ask("GET", "/demander").text)
        return found[1] if found else ""

    def _keep(self, answer: Answer) -> None:
        for line in answer.headers.get_all("set-cookie", []):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value


def routes(app: Starlette) -> Iterator[tuple[str, str]]:
    """(method, path) of everything that the application answers; HEAD goes with GET."""
    for route in app.routes:
        if isinstance(route, Route):
            yield from ((method, route.path) for method in sorted(route.methods or ()) if method != "HEAD")
        else:
            assert isinstance(route, Mount), route
            yield "GET", route.path


def has_parameter(path: str) -> bool:
    return _PARAMETER.search(path) is not None


def filled(path: str, value: str) -> str:
    """The address with this in the place of each parameter."""
    return _PARAMETER.sub(lambda _: value, path)


def lasting(text: str) -> str:
    """A page without what differs between two showings of it."""
    return _CHANCE.sub("", text)


def check(answer: Answer, path: str) -> None:
    """Never a crash; the headers of every answer, and the flags of its cookies."""
    assert answer.status < 500, (path, answer.status)
    policy = answer.headers["content-security-policy"]
    assert all(part in policy for part in _POLICY), (path, policy)
    assert "unsafe" not in policy, (path, policy)
    assert set(re.findall(r"(?:script|connect)-src ([^;]*)", policy)) <= {"'self'", "'none'"}, (path, policy)
    assert answer.headers["x-content-type-options"] == "nosniff", path
    assert answer.headers["x-frame-options"] == "DENY", path
    assert answer.headers["referrer-policy"] == "same-origin", path
    assert "server" not in answer.headers, path
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")], path
    caching = answer.headers["cache-control"]
    assert caching == ("no-cache" if path.startswith(f"{_STATIC}/") else "no-store"), (path, caching)
    for cookie in answer.headers.get_all("set-cookie", []):
        flags = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert cookie.startswith("__Host-"), (path, cookie)
        assert {"path=/", "httponly", "secure"} <= flags, (path, cookie)
        assert flags & {"samesite=strict", "samesite=lax"}, (path, cookie)


def content_of(db: Database, aside: AbstractSet[str] = frozenset()) -> dict[str, str]:
    """A sum of all rows of each table: what "nothing was written" means, and nothing changed either."""
    with db.read() as session:
        return {
            table.name: hashlib.sha256(
                "\n".join(sorted(repr(tuple(row)) for row in session.execute(table.select()))).encode()
            ).hexdigest()
            for table in tables.Base.metadata.sorted_tables
            if table.name not in _ASIDE | aside
        }


def some_keys(db: Database) -> list[str]:
    """What an address could name: some keys of first and last rows of the tables, texts and then numbers."""
    found: set[str] = set()
    with db.read() as session:
        for table in tables.Base.metadata.sorted_tables:
            key = list(table.primary_key.columns)
            if len(key) == 1:
                for order in (key[0].asc(), key[0].desc()):
                    found |= {str(one) for one in session.scalars(table.select().order_by(order).limit(1))}
    fit = sorted(one for one in found if re.fullmatch(r"[\w-]{1,64}", one))
    return [one for one in fit if not one.isdecimal()][:3] + [one for one in fit if one.isdecimal()][:6]
