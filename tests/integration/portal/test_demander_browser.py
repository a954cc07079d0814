"""Demander in a real Chromium: the keyboard alone, axe on every step, a narrow window, going back and reloading."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.integration.portal.world import PortalWorld, new_csr
from tests.support.acteurs import HOPITAL, PHARMACIENNE
from tests.support.assertions import the

pytestmark = pytest.mark.needs("chromium", "npm")

Open = Callable[[str | None], BrowserContext]
Check = Callable[[Page], None]
MAIL = "camille.leroux@acacias.example"
_TABS = 60


def reach(page: Page, wanted: Locator) -> None:
    """Press Tab until it has the focus, as somebody without a mouse does."""
    expect(wanted).to_be_visible()
    for _ in range(_TABS):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {wanted}")


def press(page: Page, name: str) -> None:
    reach(page, page.get_by_role("button", name=name, exact=True))
    enter(page)


def enter(page: Page) -> None:
    """The key that leads to another page, which is there when this returns."""
    with page.expect_navigation():
        page.keyboard.press("Enter")


def click(page: Page, wanted: Locator) -> None:
    with page.expect_navigation():
        wanted.click()


def pick(page: Page, css: str) -> None:
    """A radio of a group none of which is chosen, or the one that is: Tab leads to it, the arrows go on."""
    wanted = page.locator(css)
    name = the(wanted.get_attribute("name"))
    for _ in range(_TABS):
        if page.evaluate("name => document.activeElement.name === name", name):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    for _ in range(_TABS):
        if wanted.is_checked():
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"the arrows do not reach {css}")


def write(page: Page, css: str, text: str) -> None:
    reach(page, page.locator(css))
    page.keyboard.type(text)


def begin(page: Page, offre: str) -> None:
    page.goto("/demander")
    reach(page, page.get_by_role("button", name=f"Demander un produit de l'offre {offre}"))
    enter(page)


def upload(page: Page, path: Path) -> None:
    reach(page, page.locator("#csr"))
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files(path)
    press(page, "Suivant")


@pytest.fixture
def csr_file(tmp_path: Path) -> Path:
    path = tmp_path / "cle.csr"
    path.write_bytes(new_csr().public_bytes(Encoding.PEM))
    return path


def send(page: Page, check: Check) -> str:
    """From the recapitulation to the numero."""
    expect(page.get_by_role("heading", name="DN du certificat")).to_be_visible()
    check(page)
    press(page, "Finaliser la demande")
    expect(page.get_by_role("heading", level=1)).to_have_text("Demande enregistrée")
    check(page)
    return the(re.search(r"numéro (\d+)", page.locator(".alert-success").inner_text()))[1]


def test_org_with_the_keyboard_alone(
    page: Page, world: PortalWorld, csr_file: Path, check_accessibility: Check
) -> None:
    page.goto("/demander")
    check_accessibility(page)
    begin(page, "ORG")
    check_accessibility(page)
    if page.locator(f"#structure-{HOPITAL}").count():
        pick(page, f"#structure-{HOPITAL}")
    press(page, "Suivant")
    expect(page.get_by_role("heading", name="Nouveau produit")).to_be_visible()
    check_accessibility(page)
    press(page, "Demander un nouveau produit")
    check_accessibility(page)
    pick(page, 'input[name="usage"][value="SIGN"]')
    press(page, "Choisir cet usage")
    write(page, "#service_applicatif", "Cachet du clavier")
    write(page, "#email_acteur", "camille@@acacias")
    # Enter in a field is « Suivant ».
    enter(page)
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.locator("#email_acteur")).to_have_accessible_description(re.compile("ERR_IHM_057"))
    check_accessibility(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#email_acteur")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type(MAIL)
    press(page, "Détails du produit")
    expect(page.get_by_role("heading", level=1)).to_have_text("Détails des données du certificat")
    check_accessibility(page)
    reach(page, page.get_by_role("link", name="Suivant"))
    enter(page)
    expect(page.get_by_role("heading", name="Charger une CSR")).to_be_visible()
    check_accessibility(page)
    upload(page, csr_file)
    numero = send(page, check_accessibility)
    assert world.demande(int(numero)).service_applicatif == "Cachet du clavier"
    page.reload()
    expect(page.get_by_text(f"numéro {numero}")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Demande enregistrée")


def test_serv_with_the_keyboard_alone(
    page: Page, world: PortalWorld, csr_file: Path, check_accessibility: Check
) -> None:
    begin(page, "SERV")
    check_accessibility(page)
    if page.locator(f"#structure-{HOPITAL}").count():
        pick(page, f"#structure-{HOPITAL}")
    press(page, "Suivant")
    press(page, "Demander un nouveau produit")
    pick(page, 'input[name="usage"][value="SSL_SERV"]')
    press(page, "Choisir cet usage")
    write(page, "#fqdns-0-texte", "www")
    press(page, "+ Ajouter un FQDN")
    expect(page.locator("#fqdns-1-texte")).to_be_visible()
    check_accessibility(page)
    write(page, "#fqdns-1-texte", "a_b")
    write(page, "#email_acteur", MAIL)
    press(page, "Suivant")
    expect(page.locator("#fqdns-1-texte")).to_have_accessible_description(re.compile("ERR_IHM_062_2"))
    check_accessibility(page)
    reach(page, page.locator("#fqdns-1-texte"))
    page.keyboard.press("Control+A")
    page.keyboard.type("portail")
    press(page, "Suivant")
    upload(page, csr_file)
    numero = send(page, check_accessibility)
    assert world.demande(int(numero)).fqdns == '["www.acacias.example", "portail.acacias.example"]'


def test_pro_and_ps_are_accessible_and_going_back_keeps_what_was_typed(
    page: Page, csr_file: Path, check_accessibility: Check
) -> None:
    begin(page, "PRO")
    page.get_by_label("Nom", exact=True).fill("ARN*")
    enter(page)
    expect(page.locator(f"#beneficiaire-{PHARMACIENNE}")).to_be_visible()
    check_accessibility(page)
    page.locator(f"#beneficiaire-{PHARMACIENNE}").check()
    click(page, page.get_by_role("button", name="Suivant"))
    page.get_by_text("Renouveler un produit").click()
    click(page, page.get_by_role("button", name="Rechercher"))
    expect(page.get_by_text("Aucun produit à renouveler")).to_be_visible()
    check_accessibility(page)
    click(page, page.get_by_role("button", name="Demander un nouveau produit"))
    page.locator('input[name="usage"][value="CONF"]').check()
    click(page, page.get_by_role("button", name="Choisir cet usage"))
    page.locator("#adresse_locale").fill("ines.arnaud")
    expect(page.locator("#adresse_texte")).to_be_disabled()
    page.get_by_label("même personne").check()
    check_accessibility(page)
    click(page, page.get_by_role("button", name="Précédent"))
    click(page, page.get_by_role("button", name="Demander un nouveau produit"))
    expect(page.locator("#adresse_locale")).to_have_value("ines.arnaud")
    expect(page.locator("#email_acteur")).to_have_value("ines.arnaud@acacias.example")
    click(page, page.get_by_role("button", name="Suivant", exact=True).last)
    page.locator("#csr").set_input_files(csr_file)
    click(page, page.get_by_role("button", name="Suivant"))
    send(page, check_accessibility)
    click(page, page.get_by_role("link", name="Demander un autre produit similaire"))
    check_accessibility(page)
    begin(page, "PS")
    check_accessibility(page)
    click(page, page.get_by_role("button", name="Suivant"))
    click(page, page.get_by_role("button", name="Demander un nouveau produit"))
    page.locator('input[name="usage"][value="AUTH"]').check()
    click(page, page.get_by_role("button", name="Choisir cet usage"))
    check_accessibility(page)
    page.goto("/demander")
    expect(page.get_by_role("heading", name="À reprendre")).to_be_visible()
    check_accessibility(page)
    click(page, page.get_by_role("link", name=re.compile("Reprendre : PS")).first)
    click(page, page.get_by_role("button", name="Annuler"))
    page.wait_for_url("**/demander")


def test_no_step_scrolls_sideways_in_a_narrow_window(open_context: Open, csr_file: Path) -> None:
    """WCAG 2.1 §1.4.10: 320 CSS pixels, which is 1280 at 400 %."""
    page = open_context("dr-leroux").new_page()
    page.set_viewport_size({"width": 320, "height": 640})

    def check() -> None:
        page.wait_for_load_state()
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, page.url

    page.goto("/demander")
    check()
    page.goto("/renouveler")
    check()
    begin(page, "SERV")
    check()
    if page.locator(f"#structure-{HOPITAL}").count():
        page.locator(f"#structure-{HOPITAL}").check()
    click(page, page.get_by_role("button", name="Suivant"))
    check()
    click(page, page.get_by_role("button", name="Demander un nouveau produit"))
    for usage, button in (("S/MIME", "Choisir cet usage"), ("SSL_SERV", "Changer d'usage")):
        page.locator(f'input[name="usage"][value="{usage}"]').check()
        click(page, page.get_by_role("button", name=button))
        check()
    page.locator("#fqdns-0-texte").fill("un-nom-de-serveur-qui-est-assez-long")
    page.locator("#email_acteur").fill(MAIL)
    click(page, page.get_by_role("button", name="Détails du produit"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Détails des données du certificat")
    check()
    click(page, page.get_by_role("link", name="Suivant"))
    check()
    page.locator("#csr").set_input_files(csr_file)
    click(page, page.get_by_role("button", name="Suivant"))
    expect(page.get_by_role("button", name="Finaliser la demande")).to_be_visible()
    check()
