"""The site without login as browsers see it: over TLS, its steps filled in as a person does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from portal_ihm.sans_login.app import build_site
from runtime.listening.server import HttpServer, Limits, server_ssl_context
from tests.integration.portal.site import SECRET, read
from tests.integration.portal.world import PortalWorld, org_form
from tests.support.by_code import common_name
from tests.support.produits import CODE, conditions
from tests.support.revoking import certificat

if TYPE_CHECKING:
    from playwright.sync_api import Page


@contextmanager
def served_to_browsers(world: PortalWorld) -> Iterator[str]:
    """The site of this world for the time of a ``with`` block; nobody is asked for a certificate. Gives its address."""
    portal = world.here.settings.portal
    apps: list[Any] = []

    async def front(scope: Any, receive: Any, send: Any) -> None:
        await apps[0](scope, receive, send)

    context = server_ssl_context(portal.tls_certificate_file, portal.tls_key_file.path)
    server = HttpServer(front, "127.0.0.1", 0, ssl_context=context, limits=Limits(graceful_stop=1))
    address = f"https://localhost:{server.port}"
    apps.append(build_site(world.par_code, world.plateforme, secret=SECRET, public_url=address))
    with server.in_thread():
        yield address


def in_use(world: PortalWorld, service: str) -> int:
    """The numero of a certificate that the hospital has withdrawn."""
    numero = world.place(org_form(service), sender="dr-leroux")
    world.run_batch()
    world.ra.retraits.withdraw(world.origin("dr-leroux"), numero, conditions())
    return numero


def fill_first(page: Page, world: PortalWorld, numero: int, code: str = CODE) -> None:
    """Step 1 for a certificate, with its serial as viewers show it and the characters of the image."""
    row = certificat(world, numero)
    page.get_by_label("Autorité de certification").select_option(common_name(world, numero))
    shown = " ".join(re.findall("..", row.serial.upper()))
    page.get_by_label("Numéro de série du certificat").fill(shown)
    page.get_by_label("Code de révocation").fill(code)
    _, copie = read(page.locator("input[name=defi]").input_value())
    page.get_by_label("Caractères de l'image").fill(copie.lower())


def fill_second(page: Page, motif: str) -> None:
    """Step 2, for a revocation at once."""
    page.get_by_label(motif).check()
    page.get_by_label("Adresse email pour la confirmation").fill("porteur@acacias.example")
    page.get_by_label("Je confirme").check()


def send(page: Page, name: str) -> None:
    """Press this button."""
    page.get_by_role("button", name=name).click()
