"""The portal in a real Chromium over real mutual TLS: the road of a person, and what axe-core says of every page."""

from __future__ import annotations

import csv
import io
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from commands.trial.fictitious import HOPITAL
from tests.integration.portal.world import PortalWorld

pytestmark = pytest.mark.needs("chromium", "npm")

Open = Callable[[str | None], BrowserContext]


def test_logging_in_shows_who_i_am_and_where(page: Page, check_accessibility: Callable[[Page], None]) -> None:
    page.goto("/")
    banner = page.get_by_role("banner")
    expect(banner).to_contain_text("LEROUX CAMILLE")
    expect(banner).to_contain_text("Plateforme TEST")
    check_accessibility(page)
    page.get_by_role("navigation", name="Actions").get_by_role("link", name="Suivre").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Suivi des demandes")
    check_accessibility(page)


def test_a_lot_is_followed_from_its_index_to_its_history(
    page: Page, world: PortalWorld, check_accessibility: Callable[[Page], None]
) -> None:
    page.goto("/suivi")
    page.get_by_text("Rechercher une demande").click()
    page.get_by_label("Index de lot").fill(str(world.lot))
    page.get_by_role("button", name="Rechercher").click()
    expect(page.get_by_role("heading", name="5 demandes trouvées")).to_be_visible()
    check_accessibility(page)
    row = page.get_by_role("row", name=re.compile("Messagerie du laboratoire"))
    expect(row).to_contain_text("WS")
    expect(row).to_contain_text("À retirer")
    row.get_by_role("rowheader").get_by_role("link").click()
    expect(page.get_by_role("row", name="cn= Messagerie du laboratoire")).to_be_visible()
    check_accessibility(page)
    page.get_by_role("link", name="Historique").click()
    step = page.get_by_role("listitem").filter(has_text="ACT_IGC_003")
    expect(step).to_contain_text("Demande transmise à l'autorité de certification Transmise")
    check_accessibility(page)
    page.get_by_role("link", name="Retour aux résultats").click()
    expect(page.get_by_role("heading", name="5 demandes trouvées")).to_be_visible()
    page.get_by_text("Modifier les critères").click()
    expect(page.get_by_label("Index de lot")).to_have_value(str(world.lot))


def test_a_refused_demande_says_why(
    open_context: Open,
    world: PortalWorld,
    check_accessibility: Callable[[Page], None],
) -> None:
    page = open_context("dpi-acacias").new_page()  # the sender of the lot, and nobody else
    page.goto(f"/suivi/demandes?index_lot={world.lot}&etat=REJETEE&usage=SSL_SERV")
    expect(page.get_by_role("row").nth(1)).to_contain_text("Votre habilitation ne couvre pas le domaine")
    page.get_by_role("rowheader").get_by_role("link").click()
    expect(page.get_by_role("heading", name="Demande rejetée ERR_WS_039")).to_be_visible()
    expect(page.get_by_text("Votre habilitation ne couvre pas le domaine « www.evilacacias.example ».")).to_be_visible()
    expect(page.get_by_text("Champ en cause : FQDN")).to_be_visible()
    check_accessibility(page)


def test_a_search_too_wide_is_told_with_the_focus_on_it(
    page: Page, check_accessibility: Callable[[Page], None]
) -> None:
    page.goto("/suivi")
    page.get_by_text("Rechercher une demande").click()
    page.get_by_label("Usage").select_option("SIGN")
    page.get_by_role("button", name="Rechercher").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("ERR_IHM_025")
    expect(alert).to_be_focused()
    assert page.title().startswith("Erreur – ")
    expect(page.get_by_label("Usage")).to_have_value("SIGN")
    check_accessibility(page)
    alert.get_by_role("link").first.click()
    expect(page.get_by_label("Numéro de demande")).to_be_in_viewport()


def test_what_cannot_be_read_comes_back_with_its_error(page: Page, check_accessibility: Callable[[Page], None]) -> None:
    page.goto("/suivi")
    page.get_by_text("Rechercher une demande").click()
    page.get_by_label("Numéro de demande").fill("589x")
    page.get_by_label("Identifiant national de la structure").fill("??")
    page.get_by_label("Dans cet intervalle").check()
    page.get_by_role("button", name="Rechercher").click()
    expect(page.get_by_role("heading", name="3 erreurs sont à corriger")).to_be_visible()
    field = page.get_by_label("Numéro de demande")
    expect(field).to_have_value("589x")
    expect(field).to_have_accessible_description(re.compile("nombre entier positif"))
    check_accessibility(page)


def test_the_policy_stops_a_script_even_if_it_got_in(page: Page) -> None:
    page.goto("/")
    ran = page.evaluate(
        """() => new Promise(done => {
            document.addEventListener('securitypolicyviolation', event => done(event.effectiveDirective));
            const script = document.createElement('script');
            script.textContent = 'document.title = "ran"';
            document.body.append(script);
            setTimeout(() => done('no violation'), 3000);
        })"""
    )
    assert ran == "script-src-elem"
    assert page.title() != "ran"


@pytest.fixture
def evil_site() -> Iterator[str]:
    """A page of somebody else that sends our form from the visitor's browser, certificate and all."""

    class Evil(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            target = self.path.partition("?")[2]
            body = f"""<form id=f method=post enctype=multipart/form-data action="{target}/demander">
                <input name=structure value={HOPITAL}><input name=usage value=SIGN>
                <input name=service_applicatif value="Demande volée"><input name=email_acteur value=a@b.example></form>
                <script>f.submit()</script>""".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Evil)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_form_of_another_site_is_refused_though_the_browser_has_the_certificate(
    page: Page, world: PortalWorld, evil_site: str
) -> None:
    page.goto("/demander")
    page.goto(f"{evil_site}/?{world.url}")
    page.wait_for_url("**/demander")
    expect(page.get_by_role("banner")).not_to_contain_text("LEROUX")
    expect(page.get_by_text("Ce formulaire ne vient pas du portail")).to_be_visible()
    page.goto("/suivi/demandes?offre=ORG&service_applicatif=Demande+volée")
    expect(page.get_by_role("heading", name="Aucune demande trouvée")).to_be_visible()


def test_without_certificate_the_page_says_what_to_do(
    open_context: Open, check_accessibility: Callable[[Page], None]
) -> None:
    page = open_context(None).new_page()
    answer = page.goto("/suivi")
    assert answer is not None
    assert answer.status == 403
    expect(page.get_by_role("heading", level=1)).to_have_text("Vous n'êtes pas connecté")
    expect(page.get_by_text("Insérez votre carte dans le lecteur")).to_be_visible()
    expect(page.get_by_role("navigation")).to_have_count(0)
    check_accessibility(page)


def test_somebody_without_habilitation_asks_for_herself_alone(
    open_context: Open, check_accessibility: Callable[[Page], None]
) -> None:
    page = open_context("ph-arnaud").new_page()
    page.goto("/demander")
    expect(page.get_by_role("button", name="Demander un produit de l'offre")).to_have_count(1)
    expect(page.get_by_role("button", name="Demander un produit de l'offre PS")).to_be_visible()
    check_accessibility(page)


def test_two_people_in_one_browser_stay_apart(open_context: Open) -> None:
    first, second = open_context("dr-leroux").new_page(), open_context("ide-marchand").new_page()
    first.goto("/")
    second.goto("/")
    expect(first.get_by_role("banner")).to_contain_text("LEROUX CAMILLE")
    expect(second.get_by_role("banner")).to_contain_text("MARCHAND SOPHIE")


def test_the_csv_is_downloaded(page: Page, world: PortalWorld) -> None:
    page.goto(f"/suivi/demandes?index_lot={world.lot}")
    with page.expect_download() as download:
        page.get_by_role("link", name="Générer le CSV").click()
    assert re.fullmatch(r"demandes-\d{8}-\d{4}\.csv", download.value.suggested_filename)
    text = Path(download.value.path()).read_bytes().decode("utf-8-sig")
    assert len(list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))) == 6


def test_nothing_found_and_pages_not_found_are_clear(page: Page, check_accessibility: Callable[[Page], None]) -> None:
    for path, heading in (
        ("/suivi/demandes?index_lot=987654", "Aucune demande trouvée"),
        ("/suivi/demandes/987654", "Demande introuvable"),
        ("/nulle/part", "Page introuvable"),
    ):
        page.goto(path)
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        check_accessibility(page)


def test_leaving_shows_what_remains_to_be_done(page: Page, check_accessibility: Callable[[Page], None]) -> None:
    page.goto("/demander")
    page.get_by_role("button", name="Déconnexion").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Vous êtes déconnecté")
    expect(page.get_by_role("banner")).not_to_contain_text("LEROUX")
    assert page.context.cookies() == []
    check_accessibility(page)


@pytest.mark.parametrize("path", ["/", "/suivi", "/suivi/demandes?offre=TOUTES", "/suivi/demandes/1", "/demander"])
def test_a_narrow_window_never_scrolls_sideways(open_context: Open, path: str) -> None:
    """WCAG 2.1 §1.4.10: 320 CSS pixels; only tables scroll, inside their own frame."""
    page = open_context("dr-leroux").new_page()
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_the_keyboard_alone_goes_all_the_way(page: Page, world: PortalWorld) -> None:
    page.goto("/suivi")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Aller au contenu")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(4):  # the three follow-ups, then the criteria, which are folded
        page.keyboard.press("Tab")
    expect(page.locator("summary")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Numéro de demande")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type(str(world.lot))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="5 demandes trouvées")).to_be_visible()


def test_no_page_asks_anything_of_another_host(page: Page, world: PortalWorld) -> None:
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    for path in (
        "/",
        "/suivi",
        f"/suivi/demandes?index_lot={world.lot}",
        "/suivi/demandes/1",
        "/demander",
        "/deconnexion",
    ):
        page.goto(path)
    assert asked
    assert [url for url in asked if not url.startswith(f"{world.url}/")] == []
    assert complaints == []


def test_the_vendored_style_is_the_published_one(npm_packages: Path) -> None:
    from portal_ihm.shell.rendering import STATIC_FOLDER

    vendored = STATIC_FOLDER / "vendor" / "bootstrap-5.3.9"
    published = npm_packages / "bootstrap"
    assert (vendored / "bootstrap.min.css").read_bytes() == (published / "dist/css/bootstrap.min.css").read_bytes()
    assert (vendored / "LICENSE").read_bytes() == (published / "LICENSE").read_bytes()
