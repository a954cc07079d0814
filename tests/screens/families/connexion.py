"""The ways in and out, at the doors that have them."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.integration.portal import portes as served
from tests.integration.portal.portes import Portes, served_doors
from tests.screens.shots import Shot
from tests.support.acteurs import MEDECIN

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.integration.portal.world import PortalWorld

_WHO = "dr-leroux"
_NPM = Path(served.__file__).parent


@contextmanager
def _doors(page: Page, world: PortalWorld) -> Iterator[Portes]:
    """All of them, and a Pro Santé Connect; what a page shows stays shown once they are closed."""
    if not (_NPM / "node_modules" / "oidc-provider").exists():
        subprocess.run(["npm", "ci"], cwd=_NPM, check=True, capture_output=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        served_doors(world, Path(folder), start_issuer=served.provider) as portes,
    ):
        yield portes
        page.wait_for_load_state("networkidle")


def _at(door: str, path: str, size: str = "") -> Callable[[Page, PortalWorld], None]:
    def reach(page: Page, world: PortalWorld) -> None:
        with _doors(page, world) as portes:
            page.goto(getattr(portes, door) + path)
            if size:
                page.get_by_role("button", name=size).click()

    return reach


def _own(path: str) -> Callable[[Page, PortalWorld], None]:
    def reach(page: Page, _world: PortalWorld) -> None:
        page.goto(path)

    return reach


def _log_in(page: Page, portes: Portes) -> None:
    page.goto(portes.connexion)
    page.get_by_role("link", name="Pro Santé Connect").click()
    page.get_by_label("Identifiant national").fill(MEDECIN)


def _inside(page: Page, world: PortalWorld) -> None:
    with _doors(page, world) as portes:
        _log_in(page, portes)
        page.get_by_role("button", name="Se connecter avec e-CPS").click()


def _refused(page: Page, world: PortalWorld) -> None:
    with _doors(page, world) as portes:
        _log_in(page, portes)
        page.get_by_role("button", name="Refuser").click()


def _away(page: Page, world: PortalWorld) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        served_doors(world, Path(folder), start_issuer=_nobody) as portes,
    ):
        page.goto(f"{portes.connexion}/psc/connexion")


@contextmanager
def _nobody(_portes: Portes) -> Iterator[str]:
    yield "https://localhost:1"


def _left(page: Page, world: PortalWorld) -> None:
    with _doors(page, world) as portes:
        _log_in(page, portes)
        page.get_by_role("button", name="Se connecter avec e-CPS").click()
        page.get_by_role("button", name="Déconnexion").click()
        page.get_by_role("button", name="Fermer ma session").click()
        page.get_by_role("heading", name="Vous êtes déconnecté").wait_for()


def _left_by_certificate(page: Page, _world: PortalWorld) -> None:
    page.goto("/")
    page.get_by_role("button", name="Déconnexion").click()


def _over(page: Page, world: PortalWorld) -> None:
    """A form sent after the session: what it asked for was not done."""
    with _doors(page, world) as portes:
        _log_in(page, portes)
        page.get_by_role("button", name="Se connecter avec e-CPS").click()
        page.goto(f"{portes.connexion}/tiers")
        page.goto(f"{portes.connexion}/demander")
        page.context.clear_cookies(name="__Host-portail-connexion")
        page.locator("main button[type=submit]").first.click()


SHOTS = (
    Shot("choix", "Choix du moyen de connexion", None, _at("connexion", "/connexion?suite=/suivi"), figure="13"),
    Shot(
        "choix-grand", "Choix du moyen de connexion, texte agrandi", None, _at("connexion", "/connexion", "plus grand")
    ),
    Shot("poste", "Vérifier mon poste", None, _at("connexion", "/poste")),
    Shot(
        "poste-erreur", "Poste qui n'est pas prêt (ERR_IHM_001)", None, _at("carte", "/poste/verification"), figure="5"
    ),
    Shot("poste-pret", "Poste prêt", _WHO, _own("/poste/verification")),
    Shot("carte-erreur", "Aucune carte (ERR_IHM_002)", None, _at("carte", "/"), figure="16"),
    Shot("certificat-erreur", "Aucun certificat, une seule porte", None, _own("/"), figure="16"),
    Shot("psc", "Connecté avec Pro Santé Connect", None, _inside, figure="22"),
    Shot("psc-refus", "Pro Santé Connect : connexion refusée", None, _refused, figure="23"),
    Shot("psc-absent", "Pro Santé Connect ne répond pas", None, _away),
    Shot("deconnexion", "Déconnexion, certificat", _WHO, _left_by_certificate, figure="18"),
    Shot("deconnexion-psc", "Déconnexion, Pro Santé Connect", None, _left, figure="25"),
    Shot("session-finie", "Formulaire envoyé après la fin de la session", None, _over),
)
