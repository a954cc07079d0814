"""Acting for a third party."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.portal.test_tiers import name_helper
from tests.screens.shots import Shot
from tests.support.acteurs import MEDECIN

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.integration.portal.world import PortalWorld

_WHO, _NOBODY = "ph-arnaud", "ide-marchand"


def _open(page: Page, world: PortalWorld) -> None:
    if not world.ra.acteurs.may_act_for_others(world.acteurs[_WHO]):
        name_helper(world, _WHO)
    page.goto("/tiers")


def _search(page: Page, world: PortalWorld, ident: str) -> None:
    _open(page, world)
    page.locator("#numero").fill(ident)
    page.get_by_role("button", name="Rechercher").click()
    page.get_by_role("button", name="Rechercher").wait_for()


def _found(page: Page, world: PortalWorld) -> None:
    _search(page, world, MEDECIN)


def _unknown(page: Page, world: PortalWorld) -> None:
    _search(page, world, "899700990999")


def _not_searched(page: Page, world: PortalWorld) -> None:
    _open(page, world)
    page.get_by_role("button", name="Sélectionner le tiers").click()
    page.get_by_role("alert").wait_for()


def _acting(page: Page, world: PortalWorld) -> None:
    _found(page, world)
    page.get_by_role("button", name="Sélectionner le tiers").click()
    page.get_by_text("Vous agissez pour").wait_for()


def _acting_elsewhere(page: Page, world: PortalWorld) -> None:
    _acting(page, world)
    page.goto("/suivi/demandes")


def _no_right(page: Page, _world: PortalWorld) -> None:
    page.goto("/tiers")


SHOTS = (
    Shot("recherche", "Agir pour un tiers, recherche", _WHO, _open),
    Shot("trouve", "Agir pour un tiers, trouvé", _WHO, _found),
    Shot("inconnu", "Agir pour un tiers, inconnu", _WHO, _unknown),
    Shot("non-recherche", "Agir pour un tiers, sans recherche", _WHO, _not_searched),
    Shot("accueil", "Accueil au nom d'un tiers", _WHO, _acting),
    Shot("suivi", "Suivi au nom d'un tiers", _WHO, _acting_elsewhere),
    Shot("sans-droit", "Agir pour un tiers, sans en avoir le droit", _NOBODY, _no_right),
)
