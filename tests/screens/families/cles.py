"""Keys of the browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.integration.portal.retiring import place, ready_for_key
from tests.integration.portal.world import org_form
from tests.screens.shots import Shot

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.integration.portal.world import PortalWorld

_WHO = "dr-leroux"
_PASSWORD = "Retrait-de-cette-cle-26"


def open_step(page: Page, world: PortalWorld, service: str = "Dossier patient informatisé") -> None:
    ident = ready_for_key(world, world.session(_WHO), service)
    page.goto(f"/demander/{ident}/etape-4/assistee")
    page.get_by_role("button", name="Générer la CSR").wait_for()


def make_key(page: Page, world: PortalWorld, password: str) -> None:
    open_step(page, world)
    page.get_by_label("Mot de passe de retrait (obligatoire)", exact=True).fill(password)
    page.get_by_label("Confirmation du mot de passe").fill(password)
    risk = page.get_by_label("Ceci n'est pas une fenêtre privée")
    if risk.is_visible():
        risk.check()
    page.get_by_role("button", name="Générer la CSR").click()
    page.get_by_role("heading", name="La clé et la CSR sont prêtes").wait_for()


def order_with_key(page: Page, world: PortalWorld, password: str) -> int:
    """A whole order with a key of this browser, signed; gives its numero."""
    make_key(page, world, password)
    page.get_by_role("button", name="Finaliser", exact=True).click()
    page.get_by_role("button", name="Finaliser la demande").click()
    page.wait_for_url("**/confirmation")
    numero = int(re.findall(r"numéro (\d+)", page.get_by_role("main").inner_text())[0])
    world.run_batch()
    return numero


def _saisie(page: Page, world: PortalWorld) -> None:
    open_step(page, world)
    page.get_by_label("Mot de passe de retrait (obligatoire)", exact=True).fill("Retrait-2026")


def _erreurs(page: Page, world: PortalWorld) -> None:
    open_step(page, world)
    page.get_by_label("Mot de passe de retrait (obligatoire)", exact=True).fill("retrait")
    page.get_by_role("button", name="Générer la CSR").click()


def _prete(page: Page, world: PortalWorld) -> None:
    make_key(page, world, _PASSWORD)


def _deja(page: Page, world: PortalWorld) -> None:
    make_key(page, world, _PASSWORD)
    page.reload()
    page.get_by_role("button", name="Reprendre cette clé").wait_for()


def _incapable(page: Page, world: PortalWorld) -> None:
    page.add_init_script("delete IDBFactory.prototype.open")
    ident = ready_for_key(world, world.session(_WHO))
    page.goto(f"/demander/{ident}/etape-4/assistee")
    page.get_by_text("ERR_IHM_031").wait_for()


def _aucune(page: Page, _world: PortalWorld) -> None:
    page.goto("/cles")
    page.get_by_text("Ce navigateur ne garde aucune clé.").wait_for()


def _deux(page: Page, world: PortalWorld) -> None:
    order_with_key(page, world, _PASSWORD)
    place(world, org_form("Faite ailleurs", csr_assistee=True))
    make_key(page, world, _PASSWORD)
    page.goto("/cles")
    page.get_by_role("button", name="Supprimer", exact=True).first.wait_for()


def _question(page: Page, world: PortalWorld) -> None:
    _deux(page, world)
    page.get_by_role("button", name="Supprimer", exact=True).first.click()


SHOTS = (
    Shot("etape4", "Demander, étape 4 : créer la clé ici", _WHO, open_step, figure="49"),
    Shot("etape4-saisie", "Demander, étape 4 : mot de passe en cours de saisie", _WHO, _saisie, figure="49"),
    Shot("etape4-erreurs", "Demander, étape 4 : erreurs", _WHO, _erreurs, figure="49"),
    Shot("etape4-prete", "Demander, étape 4 : clé et CSR prêtes", _WHO, _prete, figure="50"),
    Shot("etape4-deja", "Demander, étape 4 : clé déjà créée ici", _WHO, _deja),
    Shot("etape4-incapable", "Demander, étape 4 : ce navigateur ne garde rien", _WHO, _incapable),
    Shot("aucune", "Clés de ce navigateur : aucune", "ide-marchand", _aucune),
    Shot("deux", "Clés de ce navigateur : deux", _WHO, _deux),
    Shot("question", "Clés de ce navigateur : avant de supprimer", _WHO, _question),
)
