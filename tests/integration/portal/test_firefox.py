"""The main flows in Firefox, with a software certificate: another browser sends, stores and draws its own way."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from commands.trial.fictitious import HOPITAL
from tests.integration.portal.world import PortalWorld, new_csr
from tests.support.firefox import Firefox, make_firefox, make_profile, nss
from tests.support.pairs import Pair

pytestmark = pytest.mark.needs("firefox-esr", "libnss3-tools", "openssl")

NEXT = '//p[@class="actions"]//button[@value="suivant"]'


def install(profile: Path, pair: Pair) -> None:
    """Put certificate and key into the browser, as their file is imported."""
    file = profile.parent / "certificat.p12"
    words = ("-in", str(pair.certificate), "-inkey", str(pair.key), "-out", str(file), "-passout", "pass:essai")
    subprocess.run(["openssl", "pkcs12", "-export", *words], check=True, capture_output=True)
    nss(profile, "pk12util", "-i", str(file), "-W", "essai")


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("telechargements")


@pytest.fixture(scope="module")
def firefox(world: PortalWorld, downloads: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    """That of Camille Leroux, administrator of the hospital."""
    home = tmp_path_factory.mktemp("firefox")
    profile = make_profile(home / "profil", world.root, downloads)
    install(profile, world.client("dr-leroux"))
    with make_firefox(profile, {**os.environ, "HOME": str(home)}, headless=True) as browser:
        yield browser


def test_the_first_page_says_who_came_in(firefox: Firefox, world: PortalWorld) -> None:
    firefox.open(world.url)
    assert "Bonjour, LEROUX CAMILLE" in firefox.text
    assert firefox.script("return getComputedStyle(document.querySelector('header')).display") == "block"
    width = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert firefox.script(width) == 0


def test_a_lot_is_followed_from_its_index_to_its_history(firefox: Firefox, world: PortalWorld, downloads: Path) -> None:
    firefox.open(f"{world.url}/suivi")
    firefox.click("main details:has(#index_lot) > summary")
    firefox.fill("#index_lot", str(world.lot))
    firefox.press('//main//button[normalize-space()="Rechercher"]')
    assert "Messagerie du laboratoire" in firefox.text
    firefox.press('//tr[contains(., "Messagerie du laboratoire")]//a[not(contains(@href, "historique"))]')
    assert "cn=" in firefox.text
    firefox.press('//main//a[contains(., "Historique")]')
    assert "Demande enregistrée" in firefox.text


def test_a_csv_is_downloaded_under_its_name(firefox: Firefox, world: PortalWorld, downloads: Path) -> None:
    firefox.open(f"{world.url}/suivi/demandes?index_lot={world.lot}")
    firefox.press('//main//a[contains(@href, ".csv")]', opens=False)
    found = wait_for_file(downloads, "demandes-*.csv")
    rows = list(csv.reader(io.StringIO(found.read_text("utf-8-sig")), delimiter=";"))
    assert len(rows) > 1
    assert len({len(row) for row in rows}) == 1
    assert any("Messagerie du laboratoire" in row for row in rows)


def wait_for_file(folder: Path, pattern: str) -> Path:
    """What the browser has written there, once it is whole."""
    for _ in range(200):
        if (found := list(folder.glob(pattern))) and not list(folder.glob("*.part")):
            return found[0]
        time.sleep(0.1)
    raise AssertionError(f"no {pattern} in {list(folder.iterdir())}")


def test_a_demande_is_placed_after_a_mistake_is_mended(firefox: Firefox, world: PortalWorld, tmp_path: Path) -> None:
    csr = tmp_path / "essai.csr"
    csr.write_bytes(new_csr().public_bytes(Encoding.PEM))
    firefox.open(f"{world.url}/demander")
    firefox.press('//form[input[@name="offre" and @value="ORG"]]//button')
    firefox.click(f'input[name=structure][value="{HOPITAL}"]')
    firefox.press(NEXT)
    firefox.press('//button[@value="nouveau"]')
    firefox.click("input[name=usage][value=SIGN]")
    firefox.press('//button[@value="usage"]')
    firefox.fill("#service_applicatif", "Cachet par Firefox")
    firefox.fill("#email_acteur", "camille.leroux@@acacias")
    firefox.press(NEXT)
    assert "ERR_IHM_057" in firefox.text
    assert firefox.script("return document.activeElement.getAttribute('role')") == "alert"
    assert firefox.script("return document.querySelector('#service_applicatif').value") == "Cachet par Firefox"
    firefox.clear("#email_acteur")
    firefox.fill("#email_acteur", "camille.leroux@acacias.example")
    firefox.press(NEXT)
    firefox.fill("input[type=file]", str(csr))
    firefox.press(NEXT)
    assert "Cachet par Firefox" in firefox.text
    firefox.press('//button[@value="finaliser"]')
    assert firefox.url.endswith("/confirmation")
    assert "Demande enregistrée" in firefox.text


def test_leaving_says_what_is_left_to_do(firefox: Firefox, world: PortalWorld) -> None:
    firefox.open(world.url)
    firefox.press('//button[normalize-space()="Déconnexion"]')
    assert firefox.url == f"{world.url}/deconnexion"
    assert firefox.do("WebDriver:GetCookies") == []
