"""Home and rights."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from registration.vocabulary import Offre
from storage import tables
from tests.integration.portal.world import org_form
from tests.screens.shots import Shot
from tests.support.produits import conditions

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.integration.portal.world import PortalWorld

_WHO, _NOBODY = "dr-leroux", "ph-arnaud"
_ENDS = (1, 3, 4, 9, 2, 0, 0, 1, 6, 5, 0, 2)


def _home(page: Page, _world: PortalWorld) -> None:
    page.goto("/")


def _filled(page: Page, world: PortalWorld) -> None:
    if not world.ra.lots.list_lots(world.acteurs[_WHO], limit=200).lots[0].reference.startswith("fins"):
        index = world.deposit(*[org_form(f"Poste {n}") for n in range(35)], reference="fins", sender=_WHO).index
        world.run_batch()
        numeros = iter(world.numeros(index))
        for month, count in enumerate(_ENDS):
            ending = [next(numeros) for _ in range(count)]
            for numero in ending:
                world.ra.retraits.withdraw(world.origin(_WHO), numero, conditions())
            if ending:
                world.set_end(ending, datetime.now(UTC) + timedelta(days=3 + 30 * month))
        world.deposit(org_form("Faute", email_acteur="personne"), reference="fins-2", sender=_WHO)
        world.run_batch()
    page.goto("/")


def _many_rights(page: Page, world: PortalWorld) -> None:
    idents = [f"1F8{rank:07d}" for rank in range(40)]
    with world.db.write() as rows:
        is_new = rows.get(tables.Structure, (world.plateforme.value, idents[0])) is None
        if is_new:
            rows.add_all(
                tables.Structure(
                    plateforme=world.plateforme.value,
                    id_national=ident,
                    raison_sociale=f"PHARMACIE DU MARCHÉ N° {rank + 1}",
                    departement="Paris (75)",
                    raison_pliee="",
                )
                for rank, ident in enumerate(idents)
            )
    if is_new:
        for ident in idents:
            world.grant(_WHO, Offre.SERV, ident, "*.pharmacie.example")
    page.goto("/droits")


def _rights(page: Page, _world: PortalWorld) -> None:
    page.goto("/droits")


def _nothing_found(page: Page, _world: PortalWorld) -> None:
    page.goto("/droits?recherche=introuvable")


SHOTS = (
    Shot("accueil", "Accueil d'un administrateur", _WHO, _home, figure="69"),
    Shot("accueil-sans-droit", "Accueil sans habilitation sur une structure", _NOBODY, _home, figure="69"),
    Shot("accueil-application", "Accueil d'une application", "dpi-acacias", _home, figure="69"),
    Shot("accueil-rempli", "Accueil, des fins de certificats et des refus", _WHO, _filled, figure="69"),
    Shot("droits", "Mes droits", _WHO, _rights),
    Shot("droits-aucun", "Mes droits, aucune structure", _NOBODY, _rights),
    Shot("droits-vingt", "Mes droits, des dizaines de structures", _WHO, _many_rights),
    Shot("droits-introuvable", "Mes droits, rien trouvé", _WHO, _nothing_found),
)
