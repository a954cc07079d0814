"""The site without login, served, and somebody who visits it: pages read and sent as a browser does, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests
from lxml import html

from portal_ihm.sans_login.app import build_site
from portal_ihm.sans_login.captcha import LENGTH, Captchas
from registration.ports import RevocationsParCodePort
from runtime.listening.server import HttpServer, Limits
from tests.support.by_code import common_name
from tests.support.produits import CODE
from tests.support.revoking import certificat
from tests.support.world import World

SECRET = bytes(range(32))
GOOD = {"motif": "FIN_ACTIVITE", "quand": "immediate", "email": "porteur@acacias.example", "confirmation": "y"}
"""A second step that every rule accepts."""


@dataclass
class Visitor:
    """Somebody at an address, behind the proxy that the site trusts; ``origin`` is what his browser writes."""

    url: str
    address: str = "192.0.2.1"
    origin: str = ""
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.trust_env = False

    @property
    def headers(self) -> dict[str, str]:
        return {"X-Forwarded-For": self.address}

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.session.get(self.url + path, headers=self.headers | headers, timeout=30, allow_redirects=False)

    def post(self, path: str, data: Any, **headers: str) -> requests.Response:
        return self.session.post(
            self.url + path,
            data=data,
            headers=self.headers | {"Origin": self.origin} | headers,
            timeout=30,
            allow_redirects=False,
        )

    def challenge(self) -> tuple[str, str]:
        """A fresh captcha: its token, and the characters in it."""
        return read(hidden(self.get("/revoquer"), "defi"))

    def prove(self, world: World, numero: int, **changes: str) -> requests.Response:
        """The first step with everything right, unless ``changes`` say otherwise."""
        defi, copie = self.challenge()
        row = certificat(world, numero)
        good = {
            "autorite": common_name(world, numero), "serie": row.serial, "code": CODE, "copie": copie, "defi": defi,
        }  # fmt: skip
        return self.post("/revoquer", good | changes)

    def proof(self, world: World, numero: int) -> str:
        """What the second step carries after the first one."""
        return hidden(self.prove(world, numero), "preuve")

    def confirm(self, preuve: str, **changes: str | None) -> requests.Response:
        data = {name: value for name, value in ({**GOOD, "preuve": preuve} | changes).items() if value is not None}
        return self.post("/revoquer/confirmer", data)


def read(defi: str) -> tuple[str, str]:
    """The token and its characters; whoever has the site's secret can read them."""
    content = Captchas(SECRET)._seals._fernet.decrypt(defi.encode())
    return defi, content[-LENGTH:].decode()


def hidden(page: requests.Response, name: str) -> str:
    document: Any = html.document_fromstring(page.content)
    (value,) = document.xpath(f"//input[@name='{name}']/@value")
    return str(value)


def alert(page: requests.Response) -> str:
    """What the page says is wrong, in one line."""
    found: Any = html.document_fromstring(page.content).xpath("//*[@role='alert']")
    return " ".join(found[0].text_content().split()) if found else ""


@contextmanager
def served(world: World, port: RevocationsParCodePort | None = None, **options: Any) -> Iterator[Visitor]:
    """The site of this world; gives its first visitor. Behind a proxy on this machine, unless options say otherwise."""
    apps: list[Any] = []

    async def front(scope: Any, receive: Any, send: Any) -> None:
        await apps[0](scope, receive, send)

    server = HttpServer(front, "127.0.0.1", 0, limits=Limits(graceful_stop=1))
    public = f"https://localhost:{server.port}"
    settings: dict[str, Any] = {"secret": SECRET, "proxies": ("127.0.0.1",), "clock": world.clock}
    apps.append(build_site(port or world.par_code, world.plateforme, public_url=public, **settings | options))
    with server.in_thread() as number:
        visitor = Visitor(f"http://127.0.0.1:{number}", origin=public)
        try:
            yield visitor
        finally:
            visitor.session.close()
