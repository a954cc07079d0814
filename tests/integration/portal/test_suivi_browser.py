"""Follow-up, cancellation and revocation in a real Chromium: the road of a person, and what axe-core says of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from playwright.sync_api import BrowserContext, Page, expect

from tests.integration.portal.produits import active, of_agent, place, pro_form, revoked, withdrawn
from tests.integration.portal.world import PortalWorld, org_form
from tests.support.acteurs import MEDECIN
from tests.support.revoking import certificat

pytestmark = pytest.mark.needs("chromium", "npm")

Check = Callable[[Page], None]
Open = Callable[..., BrowserContext]


def soon(world: PortalWorld) -> str:
    return (world.clock() + timedelta(days=30)).date().isoformat()


def test_criteria_follow_the_offre_and_come_back_with_what_is_wrong(page: Page, check_accessibility: Check) -> None:
    page.goto("/suivi/produits")
    page.get_by_text("Rechercher un certificat").click()
    check_accessibility(page)
    offre, fqdn = page.get_by_label("Offre", exact=True), page.get_by_label("FQDN")
    shown = {
        "ORG": {"Raison sociale", "Service applicatif"},
        "PRO": {"Raison sociale", "Adresse email protégée", "Nom du bénéficiaire"},
        "PS": {"Adresse email protégée", "Nom du bénéficiaire"},
        "SERV": {"Raison sociale", "Service applicatif", "Adresse email protégée", "FQDN"},
        "TOUTES": {
            "Raison sociale", "Service applicatif", "Adresse email protégée", "FQDN", "Nom du bénéficiaire",
        },
    }  # fmt: skip
    for name, labels in shown.items():
        offre.select_option(name)
        for label in shown["TOUTES"]:
            expect(page.get_by_label(label, exact=True)).to_be_visible(visible=label in labels)
    fqdn.fill("www.acacias.example")
    offre.select_option("ORG")
    page.get_by_role("button", name="Rechercher").click()
    expect(page.get_by_role("alert")).to_be_focused()
    expect(fqdn).to_be_visible()  # it is what is wrong
    expect(fqdn).to_have_accessible_description(re.compile("L'offre ORG n'a pas ce critère"))
    check_accessibility(page)


def test_a_certificate_is_found_read_and_downloaded(page: Page, world: PortalWorld, check_accessibility: Check) -> None:
    numero = active(world, "Téléchargé par le navigateur")
    page.goto("/suivi")
    page.get_by_role("navigation", name="Suivis").get_by_role("link", name="Certificats").click()
    row = page.get_by_role("row", name=re.compile("Téléchargé par le navigateur"))
    expect(row).to_contain_text("Actif")
    check_accessibility(page)
    row.get_by_role("link", name=str(numero), exact=True).click()
    check_accessibility(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Télécharger (PEM)").click()
    assert re.fullmatch(
        rf"igc-certificat-TEST-ORG-AUTH_CLI-{numero}-\d{{8}}-\d{{6}}\.pem", download.value.suggested_filename
    )
    found = x509.load_pem_x509_certificate(Path(download.value.path()).read_bytes())
    assert f"{found.serial_number:032x}" == certificat(world, numero).serial
    page.get_by_role("link", name="Historique").click()
    expect(page.get_by_role("listitem").filter(has_text="Certificat retiré")).to_be_visible()
    check_accessibility(page)


def test_a_demande_is_cancelled(page: Page, world: PortalWorld, check_accessibility: Check) -> None:
    numero = place(world, org_form("Annulée au navigateur"))
    page.goto(f"/suivi/demandes?numero={numero}")
    page.get_by_role("row", name=re.compile("Annulée au navigateur")).get_by_role("link", name="Annuler").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirmer l'annulation")
    check_accessibility(page)
    page.get_by_role("link", name="Non").click()
    expect(page.get_by_text("Transmise")).to_be_visible()
    page.get_by_role("link", name="Annuler la demande").click()
    page.get_by_role("button", name="Oui, annuler la demande").click()
    expect(page.get_by_role("status")).to_contain_text("Cette demande est annulée.")
    check_accessibility(page)
    page.goto(f"/suivi/demandes/{numero}/annuler")
    expect(page.get_by_text("ERR_WS_035")).to_be_visible()
    check_accessibility(page)


def test_a_certificate_is_revoked(page: Page, world: PortalWorld, check_accessibility: Check) -> None:
    numero = active(world, "Révoqué au navigateur")
    page.goto("/")
    page.get_by_role("navigation", name="Menu principal").get_by_role("link", name="Révoquer").click()
    check_accessibility(page)
    page.get_by_role("link", name=f"Révoquer le produit {numero}", exact=True).click()
    page.get_by_label("Autre", exact=True).check()
    page.get_by_role("button", name="Finaliser").click()
    expect(page.get_by_role("heading", name="3 erreurs sont à corriger")).to_be_visible()
    check_accessibility(page)
    page.get_by_label("Vol", exact=True).check()
    page.get_by_label("Adresse email pour la confirmation").fill("acteur@acacias.example")
    page.get_by_label(re.compile("Je confirme")).check()
    page.get_by_role("button", name="Finaliser").dblclick()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        re.compile("Le certificat est révoqué|Ce certificat était déjà révoqué")
    )
    check_accessibility(page)
    assert certificat(world, numero).raison_crl == "keyCompromise"
    page.get_by_role("link", name="Suivre cette révocation").click()
    expect(page.get_by_text("Certificat révoqué", exact=True)).to_be_visible()
    check_accessibility(page)
    page.goto(f"/suivi/revocations?numero_produit={numero}")
    expect(page.get_by_role("heading", name="1 révocation trouvée")).to_be_visible()
    page.goto(f"/revoquer/{numero}")
    expect(page.get_by_role("heading", name="Ce certificat est déjà révoqué")).to_be_visible()
    check_accessibility(page)


def test_who_has_two_roles_chooses_and_gives_up_later(
    page: Page, world: PortalWorld, check_accessibility: Check
) -> None:
    numero = withdrawn(world, pro_form(beneficiaire=MEDECIN))
    page.goto(f"/revoquer/{numero}")
    page.get_by_label("Porteur du certificat").check()
    page.get_by_label("Fin d'activité").check()
    page.get_by_label(re.compile("Différée")).check()
    page.get_by_label("Date d'effet", exact=True).fill(soon(world))
    page.get_by_label("Adresse email pour la confirmation").fill("acteur@acacias.example")
    page.get_by_label(re.compile("Je confirme")).check()
    check_accessibility(page)
    page.get_by_role("button", name="Finaliser").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("La révocation est prévue")
    page.goto("/suivi/revocations")
    page.get_by_role("link", name="Révocations différées qui attendent leur jour").click()
    check_accessibility(page)
    page.get_by_role("row").filter(has=page.get_by_role("link", name=str(numero), exact=True)).get_by_role(
        "link", name="Abandonner"
    ).click()
    check_accessibility(page)
    page.get_by_role("button", name="Oui, abandonner la révocation").click()
    expect(page.get_by_role("status")).to_contain_text("le certificat reste valable")


@pytest.mark.parametrize("width", [1280, 360, 320])
def test_every_table_fits(open_context: Open, world: PortalWorld, width: int, check_accessibility: Check) -> None:
    """At 1280 px all columns are seen without scrolling; a narrow window has cards, rows and cells all the same."""
    of_agent(world)
    numero, _ = revoked(world, "Tableau de messagerie-de-laboratoire.tres-long.acacias.example",
                        motif="AUTRE", autre_motif="Fermeture du service", date_effet=soon(world))  # fmt: skip
    page = open_context("dr-leroux").new_page()
    page.set_viewport_size({"width": width, "height": 800})
    paths = [f"/suivi/demandes?index_lot={world.lot}", "/suivi/produits", "/suivi/revocations", "/revoquer"]
    for path in (*paths, f"/suivi/produits/{numero}", f"/suivi/demandes/{numero}/historique", f"/revoquer/{numero}"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        if path in paths:
            region = "const r = document.querySelector('.defile'); r.scrollWidth <= r.clientWidth"
            assert page.evaluate(f"(() => {{ {region.replace('; r.', '; return r.')} }})()"), path
            assert page.get_by_role("row").count() > 1
            assert page.get_by_role("rowheader").count() > 0
        check_accessibility(page)


def test_a_bearer_sees_his_own_alone(open_context: Open, world: PortalWorld, check_accessibility: Check) -> None:
    page = open_context("ph-arnaud").new_page()
    for path, heading in (
        ("/suivi", "Suivi des demandes"),
        ("/suivi/produits", "Suivi des certificats"),
        ("/suivi/revocations", "Suivi des demandes de révocation"),
        ("/revoquer", "Révoquer un certificat"),
    ):
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        expect(page.get_by_text("CENTRE HOSPITALIER")).to_have_count(0)
        check_accessibility(page)
