"""The site without login in a real Chromium, without script: the four pages, by mouse, by keyboard and by ear."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.integration.portal.site_pages import fill_first, fill_second, in_use, send, served_to_browsers
from tests.integration.portal.world import PortalWorld
from tests.support.revoking import certificat

pytestmark = pytest.mark.needs("chromium", "npm")


@pytest.fixture(scope="module")
def site(world: PortalWorld) -> Iterator[str]:
    with served_to_browsers(world) as address:
        yield address


@pytest.fixture
def page(chromium: Browser, site: str) -> Iterator[Page]:
    """A window of somebody without a card, whose browser runs no script."""
    context = chromium.new_context(
        base_url=site, ignore_https_errors=True, locale="fr-FR", viewport={"width": 1100, "height": 900},
        java_script_enabled=False,
    )  # fmt: skip
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def scripted(chromium: Browser, site: str) -> Iterator[Page]:
    """The same with scripts, for axe to look at the pages."""
    context = chromium.new_context(base_url=site, ignore_https_errors=True, locale="fr-FR", bypass_csp=True)
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


def test_the_four_pages_lead_to_a_revoked_certificate(page: Page, world: PortalWorld) -> None:
    numero = in_use(world, "Messagerie de garde")
    page.goto("/")
    send(page, "Révoquer un certificat")
    picture = page.get_by_role("img", name=re.compile("à recopier"))
    expect(picture).to_be_visible()
    assert picture.bounding_box()["width"] == 300  # type: ignore[index]  # it is visible
    fill_first(page, world, numero, code="Mauvais-code-123")
    send(page, "Suivant")
    expect(page.get_by_role("alert")).to_contain_text("ERR_IHM_015")
    expect(page.get_by_label("Code de révocation")).to_have_value("")
    fill_first(page, world, numero)
    send(page, "Suivant")
    expect(page.get_by_text("Messagerie de garde")).to_be_visible()
    send(page, "Finaliser")
    expect(page.get_by_role("alert")).to_contain_text("Choisissez un motif")
    fill_second(page, "Fin d'activité")
    send(page, "Finaliser")
    expect(page.get_by_role("heading", level=1)).to_have_text("Le certificat est révoqué")
    assert certificat(world, numero).raison_crl == "cessationOfOperation"
    assert page.context.cookies() == []
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("ERR_WS_071")


def test_a_day_is_chosen(page: Page, world: PortalWorld) -> None:
    numero = in_use(world, "Archives")
    page.goto("/revoquer")
    fill_first(page, world, numero)
    send(page, "Suivant")
    page.get_by_label("Fin d'activité").check()
    page.get_by_label("Différée").check()
    day = certificat(world, numero).not_after
    page.get_by_label("Date d'effet", exact=True).fill(f"{day.year - 1}-06-15")
    page.get_by_label("Adresse email pour la confirmation").fill("porteur@acacias.example")
    page.get_by_label("Je confirme").check()
    send(page, "Finaliser")
    expect(page.get_by_role("heading", level=1)).to_have_text("La révocation est prévue")


def test_every_page_is_accessible(
    scripted: Page, world: PortalWorld, check_accessibility: Callable[[Page], None]
) -> None:
    numero = in_use(world, "Imagerie")
    scripted.goto("/")
    check_accessibility(scripted)
    send(scripted, "Révoquer un certificat")
    check_accessibility(scripted)
    send(scripted, "Suivant")
    expect(scripted.get_by_role("alert")).to_be_focused()
    check_accessibility(scripted)
    fill_first(scripted, world, numero)
    send(scripted, "Suivant")
    check_accessibility(scripted)
    send(scripted, "Finaliser")
    check_accessibility(scripted)
    fill_second(scripted, "Vol")
    send(scripted, "Finaliser")
    expect(scripted.get_by_role("heading", level=1)).to_have_text("Le certificat est révoqué")
    check_accessibility(scripted)


def test_the_characters_can_be_heard(scripted: Page) -> None:
    scripted.goto("/revoquer")
    heard = scripted.evaluate(
        """async () => { const audio = document.querySelector('audio'); audio.muted = true; audio.load();
            await new Promise((done, failed) => { audio.onloadedmetadata = done; audio.onerror = failed; });
            return audio.duration }"""
    )
    assert 8 < heard < 30


def test_the_text_grows_without_script_and_stays_so(page: Page) -> None:
    page.goto("/")
    before = page.get_by_role("heading", level=1).bounding_box()
    page.locator("label[for=taille-grande]").click()
    after = page.get_by_role("heading", level=1).bounding_box()
    assert before is not None
    assert after is not None
    assert after["height"] > before["height"]
    send(page, "Révoquer un certificat")
    expect(page.locator("#taille-grande")).to_be_checked()


@pytest.mark.parametrize("path", ["/", "/revoquer"])
def test_a_narrow_window_never_scrolls_sideways(scripted: Page, path: str) -> None:
    """WCAG 2.1 §1.4.10: 320 CSS pixels, in the largest text too."""
    scripted.set_viewport_size({"width": 320, "height": 640})
    scripted.goto(f"{path}?taille=grande")
    assert scripted.evaluate("document.documentElement.scrollWidth") <= 320


def test_no_page_asks_anything_of_another_host(scripted: Page, site: str) -> None:
    asked: list[str] = []
    complaints: list[str] = []
    scripted.on("request", lambda request: asked.append(request.url))
    scripted.on("console", lambda message: complaints.append(message.text))
    for path in ("/", "/revoquer"):
        scripted.goto(path)
    assert asked
    assert [url for url in asked if not url.startswith(f"{site}/")] == []
    assert complaints == []
