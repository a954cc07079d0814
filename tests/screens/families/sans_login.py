"""The site without login: revocation by code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.integration.portal.site_pages import fill_first, fill_second, in_use, send, served_to_browsers
from tests.screens.shots import Shot

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.integration.portal.world import PortalWorld


@contextmanager
def _at(page: Page, world: PortalWorld, path: str) -> Iterator[None]:
    """The site is there until the page is reached; what it shows stays shown."""
    with served_to_browsers(world) as address:
        page.goto(address + path)
        yield
        page.wait_for_load_state("networkidle")


def _home(page: Page, world: PortalWorld) -> None:
    with _at(page, world, "/"):
        pass


def _large(page: Page, world: PortalWorld) -> None:
    with _at(page, world, "/revoquer?taille=grande"):
        pass


def _first(page: Page, world: PortalWorld) -> None:
    with _at(page, world, "/revoquer"):
        pass


def _first_empty(page: Page, world: PortalWorld) -> None:
    with _at(page, world, "/revoquer"):
        send(page, "Suivant")
        page.get_by_role("alert").wait_for()


def _first_refused(page: Page, world: PortalWorld) -> None:
    numero = in_use(world, "Messagerie de garde")
    with _at(page, world, "/revoquer"):
        fill_first(page, world, numero, code="Mauvais-code-123")
        send(page, "Suivant")
        page.get_by_role("alert").wait_for()


def _go_to_2(page: Page, world: PortalWorld, service: str) -> None:
    numero = in_use(world, service)
    page.get_by_label("Code de révocation").wait_for()
    fill_first(page, world, numero)
    send(page, "Suivant")
    page.get_by_role("button", name="Finaliser").wait_for()


def _second(page: Page, world: PortalWorld) -> None:
    with _at(page, world, "/revoquer"):
        _go_to_2(page, world, "Messagerie de garde")


def _second_refused(page: Page, world: PortalWorld) -> None:
    with _at(page, world, "/revoquer"):
        _go_to_2(page, world, "Archives")
        send(page, "Finaliser")
        page.get_by_role("alert").wait_for()


def _end(page: Page, world: PortalWorld) -> None:
    with _at(page, world, "/revoquer"):
        _go_to_2(page, world, "Imagerie")
        fill_second(page, "Fin d'activité")
        send(page, "Finaliser")
        page.get_by_role("heading", name="Le certificat est révoqué").wait_for()


def _again(page: Page, world: PortalWorld) -> None:
    with _at(page, world, "/revoquer"):
        _go_to_2(page, world, "Laboratoire")
        fill_second(page, "Vol")
        send(page, "Finaliser")
        page.get_by_role("heading", name="Le certificat est révoqué").wait_for()
        page.reload()
        page.get_by_role("alert").wait_for()


SHOTS = (
    Shot("accueil", "Révoquer sans se connecter, accueil", None, _home, figure="177"),
    Shot("etape-1", "Étape 1, vide", None, _first, figure="178"),
    Shot("etape-1-grand", "Étape 1, texte agrandi", None, _large),
    Shot("etape-1-erreurs", "Étape 1, rien de saisi", None, _first_empty),
    Shot("etape-1-refus", "Étape 1, code faux", None, _first_refused),
    Shot("etape-2", "Étape 2", None, _second, figure="181"),
    Shot("etape-2-erreurs", "Étape 2, rien de saisi", None, _second_refused),
    Shot("fin", "Le certificat est révoqué", None, _end, figure="183"),
    Shot("fin-relue", "La page de fin, rechargée", None, _again),
)
