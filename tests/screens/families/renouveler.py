"""Renewal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from registration.views import RenewalCriteria
from registration.vocabulary import Canal
from tests.integration.portal.world import org_form
from tests.screens.families.demander import go_to_2
from tests.screens.shots import Shot
from tests.support.acteurs import CLINIQUE
from tests.support.produits import conditions

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.integration.portal.world import PortalWorld

_WHO, _ONE = "dr-leroux", "ide-marchand"


def _due(world: PortalWorld, name: str, count: int, **changes: str) -> list[int]:
    """So many products of his that end soon; those of an earlier call serve again."""
    services = [f"Messagerie du service {rank}" for rank in range(count)]
    origin = world.origin(name, Canal.IHM)
    found = world.ra.demandes.to_renew(origin.acteur, RenewalCriteria()).demandes
    known = {one.service_applicatif: one.numero for one in found}
    for service in [service for service in services if service not in known]:
        known[service] = world.ra.demandes.submit(origin, org_form(service, **changes))
        world.run_batch()
        world.ra.retraits.withdraw(origin, known[service], conditions())
        world.set_end([known[service]], datetime.now(UTC) + timedelta(days=len(known)))
    return [known[service] for service in services]


def _twenty(page: Page, world: PortalWorld) -> None:
    _due(world, _WHO, 22)
    page.goto("/renouveler")


def _one(page: Page, world: PortalWorld) -> None:
    _due(world, _ONE, 1, structure=CLINIQUE)
    page.goto("/renouveler")


def _none(page: Page, _world: PortalWorld) -> None:
    page.goto("/renouveler?offre=PS")


def _product(page: Page, world: PortalWorld) -> None:
    (numero,) = _due(world, _WHO, 1)
    page.goto(f"/renouveler/{numero}")


def _refused(page: Page, world: PortalWorld) -> None:
    origin = world.origin(_WHO, Canal.IHM)
    numero = world.ra.demandes.submit(origin, org_form("Trop tôt"))
    page.goto(f"/renouveler/{numero}")


def _third(page: Page, world: PortalWorld) -> None:
    _product(page, world)
    page.get_by_role("button", name="Renouveler", exact=True).click()
    page.get_by_role("button", name="Suivant").wait_for()


def _third_error(page: Page, world: PortalWorld) -> None:
    _third(page, world)
    page.locator("#email_acteur").fill("camille@@acacias")
    page.get_by_role("button", name="Suivant").click()


def _second(page: Page, world: PortalWorld) -> None:
    _due(world, _WHO, 22)
    go_to_2(page, "ORG")
    page.get_by_text("Renouveler un produit").click()
    page.get_by_role("button", name="Rechercher").click()


SHOTS = (
    Shot("liste-20", "Produits à renouveler, 20 lignes", _WHO, _twenty, figure="109"),
    Shot("liste-1", "Produits à renouveler, une ligne", _ONE, _one, figure="109"),
    Shot("liste-vide", "Produits à renouveler, aucun", _WHO, _none),
    Shot("etape-2", "Étape 2, produits à renouveler", _WHO, _second, figure="40, 108, 109"),
    Shot("produit", "Un produit à renouveler", _WHO, _product),
    Shot("produit-refus", "Un produit qui ne peut pas être renouvelé", _WHO, _refused),
    Shot("etape-3", "Étape 3 d'un renouvellement", _WHO, _third, figure="110"),
    Shot("etape-3-erreur", "Étape 3 d'un renouvellement, erreur", _WHO, _third_error),
)
