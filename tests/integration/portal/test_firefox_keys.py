"""A key made and used in Firefox: another engine keeps it, asks before it promises anything, and saves in its own way."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from tests.integration.portal.retiring import ready_for_key
from tests.integration.portal.test_firefox import install, wait_for_file
from tests.integration.portal.world import PortalWorld
from tests.support.firefox import Firefox, make_firefox, make_profile
from tests.support.produits import CODE

pytestmark = pytest.mark.needs("firefox-esr", "libnss3-tools", "openssl")

PASSWORD = "Retrait-par-Firefox-26"


def wait_until(firefox: Firefox, condition: str) -> None:
    for _ in range(400):
        if firefox.script(f"return {condition}"):
            return
        time.sleep(0.05)
    raise AssertionError(f"{condition}: {firefox.text}")


def is_shown(role: str) -> str:
    return f"document.querySelector('[data-role={role}]').checkVisibility()"


def test_from_the_order_to_the_file_over_two_processes(world: PortalWorld, tmp_path: Path) -> None:
    home, downloads = tmp_path / "maison", tmp_path / "telechargements"
    downloads.mkdir()
    profile = make_profile(home / "profil", world.root, downloads)
    install(profile, world.client("dr-leroux"))
    environment = {**os.environ, "HOME": str(home)}
    with make_firefox(profile, environment, headless=True) as firefox:
        numero = order(firefox, world)
    with make_firefox(profile, environment, headless=True) as firefox:
        firefox.open(f"{world.url}/retirer/{numero}")
        wait_until(firefox, is_shown("cle-presente"))
        firefox.fill("#code", CODE)
        firefox.fill("#confirmation", CODE)
        firefox.click("#acceptation")
        firefox.script("document.querySelector('[data-role=envoi] button').click()")
        wait_until(firefox, "location.pathname.endsWith('/certificat') && document.readyState === 'complete'")
        wait_until(firefox, is_shown("fabrication"))
        firefox.fill("#mot-de-passe", PASSWORD)
        firefox.press('//button[normalize-space()="Télécharger"]', opens=False)
        wait_until(firefox, is_shown("faite"))
        file = wait_for_file(downloads, "igc-p12-EL-TEST-ORG-AUTH_CLI-*.p12")
    key, certificate, chain = pkcs12.load_key_and_certificates(file.read_bytes(), PASSWORD.encode())
    assert key is not None
    assert certificate is not None
    assert certificate.public_key() == key.public_key()
    assert chain


def order(firefox: Firefox, world: PortalWorld) -> int:
    """A whole order with a key of this browser; gives its numero, signed."""
    ident = ready_for_key(world, world.session("dr-leroux"), "Clé de Firefox")
    firefox.open(f"{world.url}/demander/{ident}/etape-4/assistee")
    wait_until(firefox, is_shown("generer"))
    firefox.fill("#mot-de-passe", PASSWORD)
    firefox.fill("#confirmation", PASSWORD)
    if firefox.script(f"return {is_shown('risque-bloc')}"):
        firefox.click("#risque")
    firefox.press('//button[normalize-space()="Générer la CSR"]', opens=False)
    wait_until(firefox, is_shown("prete"))
    firefox.press('//button[@data-role="finaliser"]')
    firefox.press('//button[@value="finaliser"]')
    assert firefox.url.endswith("/confirmation")
    found = re.search(r"numéro (\d+)", firefox.text)
    assert found
    world.run_batch()
    return int(found[1])
