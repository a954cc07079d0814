"""Follow-up."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.screens.shots import Shot

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.integration.portal.world import PortalWorld

_WHO = "dr-leroux"


def _criteres(page: Page, _world: PortalWorld) -> None:
    page.goto("/suivi")


def _resultats(page: Page, world: PortalWorld) -> None:
    page.goto(f"/suivi/demandes?index_lot={world.lot}")


def _detail(page: Page, world: PortalWorld) -> None:
    _resultats(page, world)
    row = page.get_by_role("row", name=re.compile("Messagerie du laboratoire"))
    row.get_by_role("link", name="Détail").click()


SHOTS = (
    Shot("criteres", "Suivi des demandes, critères", _WHO, _criteres, figure="140"),
    Shot("resultats", "Suivi des demandes, résultats d'un lot", _WHO, _resultats, figure="115, 146"),
    Shot("detail", "Détail d'une demande", _WHO, _detail, figure="148"),
)
