"""The ways in and out in a real browser: cookies, policies and redirects as Chromium understands them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.integration.portal.portes import Portes, provider, served_doors
from tests.integration.portal.world import PortalWorld
from tests.support.acteurs import MEDECIN

pytestmark = pytest.mark.needs("chromium", "npm")
_SMALL, _LARGE = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
SUITE = "/suivi"


@pytest.fixture(scope="module")
def portes(world: PortalWorld, npm_packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portes]:
    with served_doors(world, tmp_path_factory.mktemp("navigateur"), start_issuer=provider) as served:
        yield served


@pytest.fixture
def visitor(open_context: Callable[[str | None], BrowserContext]) -> Page:
    return open_context(None).new_page()


def log_in(page: Page, portes: Portes, path: str = "/") -> None:
    page.goto(portes.connexion + path)
    page.get_by_role("link", name="Pro Santé Connect").click()
    page.get_by_label("Identifiant national").fill(MEDECIN)
    page.get_by_role("button", name="Se connecter avec e-CPS").click()


def test_from_the_link_of_a_mail_to_its_page_and_out_again(portes: Portes, visitor: Page) -> None:
    log_in(visitor, portes, f"{SUITE}?venu=mail")
    expect(visitor).to_have_url(f"{portes.connexion}{SUITE}?venu=mail")
    expect(visitor.locator(".qui-nom")).to_contain_text("LEROUX CAMILLE")
    visitor.reload()
    expect(visitor.locator(".qui-nom")).to_contain_text("LEROUX CAMILLE")
    visitor.get_by_role("link", name="Demander", exact=True).click()
    visitor.get_by_role("button", name="Déconnexion").click()
    visitor.get_by_role("button", name="Fermer ma session").click()
    expect(visitor.get_by_role("heading", name="Vous êtes déconnecté")).to_be_visible()
    expect(visitor).to_have_url(re.compile(re.escape(f"{portes.connexion}/deconnexion")))
    visitor.go_back()
    visitor.go_back()
    visitor.goto(f"{portes.connexion}{SUITE}")
    expect(visitor.get_by_role("heading", name="Se connecter")).to_be_visible()


def test_whoever_refuses_on_his_telephone_is_led_back_to_try_again(portes: Portes, visitor: Page) -> None:
    visitor.goto(f"{portes.connexion}{SUITE}")
    visitor.get_by_role("link", name="Pro Santé Connect").click()
    visitor.get_by_role("button", name="Refuser").click()
    expect(visitor.get_by_role("heading", name="Pro Santé Connect ne vous a pas connecté")).to_be_visible()
    expect(visitor.locator("main")).to_contain_text("ERR_IHM_002")
    visitor.get_by_role("link", name="Réessayer avec Pro Santé Connect").click()
    expect(visitor.get_by_label("Identifiant national")).to_be_visible()


def test_a_link_of_another_site_finds_him_logged_in(portes: Portes, visitor: Page) -> None:
    log_in(visitor, portes)
    expect(visitor.locator(".qui-nom")).to_contain_text("LEROUX CAMILLE")
    # Another site for a browser: neither the same host nor the same registrable name.
    elsewhere = portes.connexion.replace("localhost", "127.0.0.1")
    visitor.goto(f"{elsewhere}/connexion")
    visitor.evaluate("address => { location.href = address }", f"{portes.connexion}{SUITE}")
    expect(visitor.locator(".qui-nom")).to_contain_text("LEROUX CAMILLE")


@pytest.mark.parametrize("size", [_SMALL, _LARGE])
def test_the_pages_before_a_login_are_accessible_at_every_width(
    portes: Portes,
    open_context: Callable[..., BrowserContext],
    check_accessibility: Callable[[Page], None],
    size: dict[str, int],
) -> None:
    page = open_context(None, viewport=size).new_page()
    for door, path in (
        (portes.connexion, "/connexion"),
        (portes.connexion, "/poste"),
        (portes.carte, "/poste/verification"),
        (portes.carte, "/"),
        (portes.connexion, "/psc/retour?error=access_denied"),
        (portes.connexion, "/deconnexion"),
        (portes.certificat, "/deconnexion"),
        (portes.connexion, "/rien"),
    ):
        page.goto(door + path)
        check_accessibility(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def test_the_text_grows_by_keyboard_alone_and_stays_large(portes: Portes, visitor: Page) -> None:
    visitor.goto(f"{portes.connexion}/connexion?suite={SUITE}")
    usual = visitor.evaluate("parseFloat(getComputedStyle(document.body).fontSize)")
    larger = visitor.get_by_role("button", name="Texte plus grand")
    larger.focus()
    visitor.keyboard.press("Enter")
    expect(larger).to_have_attribute("aria-pressed", "true")
    expect(visitor).to_have_url(f"{portes.connexion}/connexion?suite={SUITE}")
    visitor.goto(f"{portes.connexion}/poste")
    assert visitor.evaluate("parseFloat(getComputedStyle(document.body).fontSize)") == pytest.approx(1.25 * usual)
    log_in(visitor, portes)
    expect(visitor.locator("html")).to_have_class("texte-grande")
    visitor.get_by_role("button", name="Texte de taille normale").click()
    expect(visitor.locator("html")).not_to_have_class("texte-grande")
