"""The portal behind all its doors, as its process makes them; Pro Santé Connect is whatever the test puts there."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests

from commands.processes.portal import card_anchors
from portal_ihm.app import build_app
from portal_ihm.login.psc.config import PscConfig
from portal_ihm.shell.doors import Assistance, Entrees
from registration.sessions.values import Porte
from runtime.listening.server import HttpServer, Limits, server_ssl_context
from runtime.secret_file import SecretFile
from tests.integration.portal.world import SECRET, PortalWorld, close
from tests.support.pairs import Pair

CLIENT_ID = "igc-portail"
HELP = Assistance(adresse="1 rue de l'Essai, 75000 Paris", email="aide@igc.example", telephone="01 99 00 99 00")
SANS_LOGIN = "https://localhost:1"
_PROVIDER = Path(__file__).parent / "psc" / "provider.mjs"
_FORM = re.compile(r'<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>', re.DOTALL)
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)"')


@dataclass
class Portes:
    """Where the doors are, and browsers without a window that come to them."""

    world: PortalWorld
    addresses: dict[Porte, str]
    issuer: str = ""
    secret_file: Path = Path()
    options: dict[str, Any] = field(default_factory=dict)
    opened: list[requests.Session] = field(default_factory=list)
    apps: dict[Porte, Any] = field(default_factory=dict)

    @property
    def certificat(self) -> str:
        return self.addresses[Porte.CERTIFICAT]

    @property
    def carte(self) -> str:
        return self.addresses[Porte.CARTE]

    @property
    def connexion(self) -> str:
        return self.addresses[Porte.CONNEXION]

    def visitor(self, holder: str | Pair | None = None) -> requests.Session:
        session = self.world.session(holder)
        self.opened.append(session)
        return session

    def psc(self, **changes: Any) -> PscConfig:
        values: dict[str, Any] = {
            "issuer": self.issuer,
            "client_id": CLIENT_ID,
            "client_secret": SecretFile(self.secret_file),
            "ca_file": self.world.root,
        }
        return PscConfig(**(values | changes))

    def post(self, session: requests.Session, address: str, **data: str) -> requests.Response:
        parts = urlsplit(address)
        origin = f"{parts.scheme}://{parts.netloc}"
        return session.post(address, data=data, headers={"Origin": origin}, allow_redirects=False, timeout=30)


@contextmanager
def served_doors(
    world: PortalWorld,
    folder: Path,
    *,
    start_issuer: Callable[[Portes], Any] | None = None,
    portes: tuple[Porte, ...] = tuple(Porte),
    **options: Any,
) -> Iterator[Portes]:
    """All doors on free ports of loopback. ``start_issuer`` gives a context manager of an issuer's address."""
    section = world.here.settings.portal
    anchors = {Porte.CERTIFICAT: world.here.trust_anchors, Porte.CARTE: card_anchors(world.here), Porte.CONNEXION: []}
    apps: dict[Porte, Any] = {}

    def front(porte: Porte) -> Callable[..., Any]:
        async def ask(scope: Any, receive: Any, send: Any) -> None:
            await apps[porte](scope, receive, send)

        return ask

    servers = {}
    for porte in portes:
        context = server_ssl_context(
            section.tls_certificate_file, section.tls_key_file.path, anchors[porte], for_cards=porte is Porte.CARTE
        )
        servers[porte] = HttpServer(front(porte), "127.0.0.1", 0, ssl_context=context, limits=Limits(graceful_stop=1))
    found = Portes(world, {porte: f"https://localhost:{server.port}" for porte, server in servers.items()})
    found.apps = apps
    found.secret_file = folder / "psc.secret"
    found.secret_file.write_text(secrets.token_urlsafe(32))
    found.secret_file.chmod(0o600)
    others: dict[str, Any] = {porte.value: address for porte, address in found.addresses.items()}
    entrees = Entrees(sans_login=SANS_LOGIN, **others)
    with ExitStack() as stack:
        psc = None
        if start_issuer is not None:
            found.issuer = stack.enter_context(start_issuer(found))
            psc = found.psc(**options.pop("psc", {}))
        for porte, address in found.addresses.items():
            apps[porte] = build_app(
                world.ra, session_secret=SECRET, public_url=address, porte=porte, entrees=entrees, assistance=HELP,
                psc=psc, **options,
            )  # fmt: skip
            stack.enter_context(servers[porte].in_thread())
        yield found
        for session in found.opened:
            close(session)


@contextmanager
def provider(portes: Portes) -> Iterator[str]:
    """The real provider, in a process of its own that ends with its input."""
    section = portes.world.here.settings.portal
    told = {
        "certificate": str(section.tls_certificate_file),
        "key": str(section.tls_key_file.path),
        "clientId": CLIENT_ID,
        "clientSecret": portes.secret_file.read_text(),
        "origin": portes.connexion,
    }
    process = subprocess.Popen(
        ["node", str(_PROVIDER), msgspec.json.encode(told).decode()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # It tells the portal of a logout itself, and trusts its certificate.
        env={**os.environ, "NODE_EXTRA_CA_CERTS": str(portes.world.root)},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"https://localhost:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


def log_in(
    portes: Portes, ident: str, suite: str = "/", *, act: str = "confirmer"
) -> tuple[requests.Session, requests.Response]:
    """Through the provider's pages as a browser goes; gives the page that he ends on."""
    session = portes.visitor()
    asked = session.get(f"{portes.connexion}/psc/connexion", params={"suite": suite}, timeout=30)
    assert asked.ok, asked.text
    answer = session.post(asked.url, data={"identifiant": ident, "geste": act}, timeout=30)
    return session, answer


def send_form(session: requests.Session, page: requests.Response, **more: str) -> requests.Response:
    """Send the first form of a page as it stands."""
    found = _FORM.search(page.text)
    assert found, page.text
    fields = {name: unescape(value) for name, value in _HIDDEN.findall(found[2])}
    return session.post(unescape(found[1]), data={**fields, **more}, timeout=30)
