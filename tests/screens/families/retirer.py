"""Withdrawals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registration.retrait_views import RetraitCriteria
from registration.values import RevocationForm
from registration.vocabulary import Canal
from tests.integration.portal.retiring import place, place_unsigned
from tests.integration.portal.world import org_form
from tests.screens.families.cles import order_with_key
from tests.screens.shots import Shot
from tests.support.produits import CODE

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.integration.portal.world import PortalWorld

_WHO = "dr-leroux"
_NAMES = (
    "Dossier patient informatisé", "Messagerie du laboratoire", "Serveur d'images", "Archivage des comptes rendus",
    "Prescription connectée", "Pharmacie à usage intérieur", "Gestion des lits", "Télésurveillance cardiologique",
    "Bloc opératoire", "Identitovigilance", "Serveur de résultats de biologie médicale du groupement",
)  # fmt: skip
_PASSWORD = "Retrait-de-cette-cle-26"


def _liste(page: Page, world: PortalWorld) -> None:
    waiting = world.ra.retraits.waiting(world.origin(_WHO).acteur, RetraitCriteria()).retraits
    if len(waiting) < 2 * len(_NAMES):
        for rank, name in enumerate(_NAMES * 2):
            place_unsigned(world, org_form(name, csr_assistee=rank % 3 == 0))
        world.run_batch()
    page.goto("/retirer")


def _rien(page: Page, _world: PortalWorld) -> None:
    page.goto("/retirer")


def _criteres(page: Page, _world: PortalWorld) -> None:
    page.goto("/retirer?offre=PS&structure=%3F%3F&index_lot=abc")


def _etape2(page: Page, world: PortalWorld) -> int:
    numero = place(world, org_form("Dossier patient informatisé"))
    page.goto(f"/retirer/{numero}")
    return numero


def _saisie(page: Page, world: PortalWorld) -> None:
    _etape2(page, world)
    page.get_by_label("Code de révocation (obligatoire)", exact=True).fill("Sesame-ouvre")


def _erreurs(page: Page, world: PortalWorld) -> None:
    _etape2(page, world)
    page.get_by_label("Code de révocation (obligatoire)", exact=True).fill("faible")
    page.get_by_label("Confirmation du code").fill("faible")
    page.get_by_role("button", name="Finaliser").click()


def _retire(page: Page, numero: int) -> None:
    page.goto(f"/retirer/{numero}")
    page.get_by_label("Code de révocation (obligatoire)", exact=True).fill(CODE)
    page.get_by_label("Confirmation du code").fill(CODE)
    page.get_by_label("Le bénéficiaire accepte").check()
    page.get_by_role("button", name="Finaliser").click()
    page.wait_for_url("**/certificat")


def _chargee(page: Page, world: PortalWorld) -> None:
    _retire(page, _etape2(page, world))


def _ailleurs(page: Page, world: PortalWorld) -> None:
    page.goto(f"/retirer/{place(world, org_form('Dossier patient informatisé', csr_assistee=True))}")
    page.get_by_text("ERR_IHM_044").wait_for()


def _cle_ici(page: Page, world: PortalWorld) -> None:
    page.goto(f"/retirer/{order_with_key(page, world, _PASSWORD)}")
    page.get_by_text("La clé de ce certificat est dans ce navigateur.").wait_for()


def _assistee(page: Page, world: PortalWorld) -> None:
    _retire(page, order_with_key(page, world, _PASSWORD))
    page.get_by_label("Mot de passe de retrait").wait_for()


def _faux(page: Page, world: PortalWorld) -> None:
    _assistee(page, world)
    page.get_by_label("Mot de passe de retrait").fill("autre")
    page.get_by_role("button", name="Télécharger", exact=True).click()
    page.get_by_text("ERR_IHM_054").wait_for()


def _compose(page: Page, world: PortalWorld) -> None:
    _assistee(page, world)
    page.get_by_label("Mot de passe de retrait").fill(_PASSWORD)
    page.get_by_role("button", name="Télécharger", exact=True).click()
    page.get_by_role("heading", name="Le fichier est composé").wait_for()


def _sans_cle(page: Page, world: PortalWorld) -> None:
    numero = place(world, org_form("Dossier patient informatisé", csr_assistee=True))
    _retire(page, numero)
    page.get_by_text("ERR_IHM_044").wait_for()


def _pas_signe(page: Page, world: PortalWorld) -> None:
    numero = place_unsigned(world, org_form("Pas encore signé"))
    page.goto(f"/retirer/{numero}")
    world.run_batch()


def _annulee(page: Page, world: PortalWorld) -> None:
    numero = place(world)
    world.ra.demandes.cancel(world.origin(_WHO, Canal.IHM), numero)
    page.goto(f"/retirer/{numero}")


def _revoque(page: Page, world: PortalWorld) -> None:
    numero = place(world, csr_assistee=True)
    _retire(page, numero)
    form = RevocationForm(numero=numero, motif="FIN_ACTIVITE", email="a@acacias.example", confirmation=True)
    world.ra.revocations.revoke(world.origin(_WHO, Canal.IHM), form)
    page.reload()


def _autre_personne(page: Page, world: PortalWorld) -> None:
    page.goto(f"/retirer/{place(world, who='dpi-acacias')}")


def _shot(
    name: str, title: str, reach: Callable[[Page, PortalWorld], object], figure: str = "", who: str = _WHO
) -> Shot:
    def go(page: Page, world: PortalWorld) -> None:
        reach(page, world)

    return Shot(name, title, who, go, figure)


SHOTS = (
    _shot("liste", "Retirer, étape 1 : vingt certificats à retirer", _liste, "122, 126, 127"),
    _shot("rien", "Retirer, étape 1 : rien à retirer", _rien, "122", who="ide-marchand"),
    _shot("criteres", "Retirer, étape 1 : critères erronés", _criteres, "123 à 126"),
    _shot("etape2", "Retirer, étape 2", _etape2, "128"),
    _shot("etape2-saisie", "Retirer, étape 2 : code en cours de saisie", _saisie, "128"),
    _shot("etape2-erreurs", "Retirer, étape 2 : erreurs", _erreurs, "128"),
    _shot("etape2-cle-ici", "Retirer, étape 2 : la clé est dans ce navigateur", _cle_ici, "128, 129"),
    _shot("etape2-ailleurs", "Retirer, étape 2 : la clé est dans un autre navigateur", _ailleurs, "128"),
    _shot("chargee", "Retirer, étape 3 : CSR chargée", _chargee, "132"),
    _shot("assistee", "Retirer, étape 3 : clé de ce navigateur", _assistee, "130"),
    _shot("assistee-faux", "Retirer, étape 3 : mot de passe faux", _faux, "130"),
    _shot("assistee-faite", "Retirer, étape 3 : fichier composé", _compose, "131"),
    _shot("assistee-sans-cle", "Retirer, étape 3 : la clé est ailleurs", _sans_cle),
    _shot("pas-signe", "Retrait impossible : pas encore signé", _pas_signe),
    _shot("annulee", "Retrait impossible : demande annulée", _annulee),
    _shot("revoque", "Retrait impossible : certificat révoqué", _revoque),
    _shot("autre-personne", "Retrait par une autre personne que le demandeur", _autre_personne),
)
