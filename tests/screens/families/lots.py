"""The room for lots: list, one lot in each of its states, items, the deposit of a file step by step."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import FilePayload

from tests.integration.portal.lot_files import item, lot, new_csr_text
from tests.integration.portal.world import org_form
from tests.screens.shots import Shot

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.integration.portal.world import PortalWorld

_WHO, _APPLICATION, _NOBODY = "dr-leroux", "dpi-acacias", "ph-arnaud"


def _at(path: str) -> Callable[[Page, PortalWorld], None]:
    def reach(page: Page, world: PortalWorld) -> None:
        page.goto(path.format(lot=world.lot))

    return reach


def _many(page: Page, world: PortalWorld) -> None:
    if not world.ra.lots.list_lots(world.acteurs[_WHO], limit=15).next_after:
        for rank in range(20):
            world.deposit(org_form(f"Application {rank}"), reference=f"campagne-{rank:02d}", sender=_WHO)
        world.run_batch()
    page.goto("/lots")


def _under_way(page: Page, world: PortalWorld) -> None:
    reference = f"en-cours-{page.viewport_size['width'] if page.viewport_size else 0}"
    forms = [org_form(f"Service {rank}", reference=f"svc-{rank:03d}") for rank in range(21)]
    index = world.deposit(*forms, reference=reference, sender=_WHO).index
    page.goto(f"/lots/{index}")


def _upload(page: Page, content: str, *, reference: str = "") -> None:
    page.goto("/lots/depot")
    file = FilePayload(name=f"{reference or 'lot'}.xml", mimeType="text/xml", buffer=content.encode())
    page.get_by_label("Fichier XML du lot").set_input_files(file)
    page.get_by_role("button", name="Envoyer et vérifier").click()


def _refused_file(page: Page, _world: PortalWorld) -> None:
    wrong = item("AAAA").replace("<usage>AUTH_CLI</usage>", "<emploi>AUTH_CLI</emploi>")
    _upload(page, lot("faux", [item("AAAA"), wrong, wrong]))


def _malformed(page: Page, _world: PortalWorld) -> None:
    _upload(page, lot("faux", [item("AAAA")])[:-4])


def _checked(page: Page, items: list[str]) -> None:
    width = page.viewport_size["width"] if page.viewport_size else 0
    _upload(page, lot(f"cabinet-{len(items)}-{width}", items))
    page.get_by_role("button", name=re.compile("Déposer le lot")).wait_for()


def _good(page: Page, _world: PortalWorld) -> None:
    _checked(page, [item(new_csr_text(), f"Service {n}") for n in range(3)])


def _some_bad(page: Page, _world: PortalWorld) -> None:
    good = [item(new_csr_text(), f"Service {n}", f"svc-{n}") for n in range(2)]
    bad = [item(new_csr_text(), f"Essai {n}", f"essai-{n}", email="personne") for n in range(3)]
    _checked(page, [*good, *bad, item("AAAA", "Sans clé", "sans-cle")])


SHOTS = (
    Shot("liste", "Lots, un seul", _WHO, _at("/lots")),
    Shot("liste-vide", "Lots, aucun", _NOBODY, _at("/lots")),
    Shot("lot", "Un lot : à retirer, refusés", _APPLICATION, _at("/lots/{lot}")),
    Shot("lot-autre", "Le lot d'une application, suivi par l'administrateur", _WHO, _at("/lots/{lot}")),
    Shot("lot-en-cours", "Un lot en cours de traitement", _WHO, _under_way),
    Shot("elements", "Éléments d'un lot", _APPLICATION, _at("/lots/{lot}/elements")),
    Shot("elements-refuses", "Éléments refusés", _APPLICATION, _at("/lots/{lot}/elements?etat=REJETEE")),
    Shot("annuler", "Annuler un lot, la question", _APPLICATION, _at("/lots/{lot}/annuler")),
    Shot("depot", "Déposer un lot, le fichier", _WHO, _at("/lots/depot")),
    Shot("depot-mal-forme", "Déposer un lot, XML mal formé", _WHO, _malformed),
    Shot("depot-schema", "Déposer un lot, fautes de schéma", _WHO, _refused_file),
    Shot("verification", "Vérification, tout est accepté", _WHO, _good),
    Shot("verification-refus", "Vérification, des refus", _WHO, _some_bad),
    Shot("inconnu", "Un lot qui n'est pas visible", _NOBODY, _at("/lots/{lot}")),
    Shot("liste-longue", "Lots, vingt et plus", _WHO, _many),
)
