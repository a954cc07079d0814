"""Home, rights and lots in a real browser: a file is deposited and followed until it is done, every page accessible."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, ViewportSize, expect

from tests.integration.portal.lot_files import item, lot, new_csr_text
from tests.integration.portal.world import PortalWorld, org_form

pytestmark = pytest.mark.needs("chromium", "npm")

Check = Callable[[Page], None]
NARROW = ViewportSize(width=360, height=740)


def assert_fits(page: Page) -> None:
    """At 360 px nothing but a region of its own scrolls sideways."""
    size = page.viewport_size
    assert size is not None
    page.set_viewport_size(NARROW)
    wide = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size(size)
    assert wide <= NARROW["width"], page.url


def check(page: Page, accessible: Check) -> None:
    accessible(page)
    assert_fits(page)


def choose(page: Page, content: str) -> None:
    page.get_by_label("Fichier XML du lot").set_input_files(
        {"name": "lot.xml", "mimeType": "text/xml", "buffer": content.encode()}
    )
    page.get_by_role("button", name="Envoyer et vérifier").click()


def test_a_file_is_deposited_and_followed_to_its_end(
    page: Page, world: PortalWorld, check_accessibility: Check
) -> None:
    page.goto("/")
    check(page, check_accessibility)
    page.get_by_role("navigation", name="Menu principal").get_by_role("link", name="Lots").click()
    check(page, check_accessibility)
    page.get_by_role("link", name="Déposer un lot").click()
    check(page, check_accessibility)
    choose(page, lot("navigateur", [item("AAAA")])[:-5])
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_role("alert")).to_contain_text("ERR_WS_001")
    check(page, check_accessibility)
    items = [item(new_csr_text(), f"Poste {n}", f"poste-{n}") for n in range(21)]
    choose(page, lot("navigateur", [*items, item(new_csr_text(), reference="faux", email="personne")]))
    # Nobody clicks: the page asks for itself again until the check is over.
    expect(page.get_by_role("heading", name="21 acceptés, 1 refusé")).to_be_visible()
    check(page, check_accessibility)
    page.get_by_role("button", name="Déposer le lot malgré ce refus").click()
    expect(page.get_by_role("status")).to_contain_text("Le lot est déposé")
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "0")
    check(page, check_accessibility)
    page.get_by_role("link", name="Arrêter l'actualisation").click()
    world.run_batch()
    page.wait_for_timeout(6_000)
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "0")
    page.get_by_role("link", name="Reprendre l'actualisation").click()
    expect(page.get_by_role("heading", name="21 certificats à retirer")).to_be_visible()
    expect(page.get_by_role("heading", name="1 élément refusé")).to_be_visible()
    check(page, check_accessibility)
    page.go_back()
    page.go_forward()
    page.get_by_role("link", name="Voir tous les éléments").click()
    expect(page.get_by_role("row")).to_have_count(21)  # twenty and the head
    check(page, check_accessibility)
    page.get_by_role("link", name=re.compile("^Rejetée")).click()
    expect(page.get_by_role("row")).to_have_count(2)
    with page.expect_download() as download:
        page.get_by_role("link", name="Verdicts en CSV").click()
    assert re.fullmatch(r"lot-\d+-verdicts\.csv", download.value.suggested_filename)


def test_live_progress_moves_by_itself(page: Page, world: PortalWorld) -> None:
    forms = [org_form(f"Direct {rank}", reference=f"d-{rank}") for rank in range(21)]
    index = world.deposit(*forms, reference="direct", sender="dr-leroux").index
    page.goto(f"/lots/{index}")
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "0")
    world.run_batch()
    expect(page.get_by_role("heading", name="21 certificats à retirer")).to_be_visible()
    expect(page.get_by_text("La page s'actualise")).to_have_count(0)


def test_a_lot_is_cancelled_after_a_question(page: Page, world: PortalWorld, check_accessibility: Check) -> None:
    index = world.deposit(
        *[org_form(f"Annulé {rank}") for rank in range(2)], reference="nav-annulé", sender="dr-leroux"
    ).index
    world.run_batch()
    page.goto(f"/lots/{index}")
    page.get_by_role("link", name="Annuler ce lot").click()
    check(page, check_accessibility)
    page.get_by_role("button", name=f"Annuler le lot {index}").click()
    expect(page.get_by_role("status")).to_contain_text("2 éléments annulés")
    expect(page.get_by_role("link", name="Annuler ce lot")).to_have_count(0)
    check(page, check_accessibility)


@pytest.mark.parametrize("who", ["dr-leroux", "dpi-acacias", "ph-arnaud"])
def test_home_and_rights_of_everybody_are_accessible(
    open_context: Callable[[str | None], BrowserContext], check_accessibility: Check, who: str
) -> None:
    page = open_context(who).new_page()
    for path in ("/", "/droits", "/droits?recherche=rien", "/lots", "/lots/depot", "/lots/999999"):
        page.goto(path)
        check(page, check_accessibility)
