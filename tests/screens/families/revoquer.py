"""Revocation with login."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.integration.portal.produits import active, of_agent, place, pro_form, revoke, revoked, withdrawn
from tests.integration.portal.world import org_form
from tests.screens.shots import Shot
from tests.support.acteurs import MEDECIN

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.integration.portal.world import PortalWorld

_WHO = "dr-leroux"


def _etape1(page: Page, world: PortalWorld) -> None:
    active(world, "Messagerie du laboratoire")
    of_agent(world)
    _deferred(world)
    page.goto("/revoquer")


def _criteres(page: Page, _world: PortalWorld) -> None:
    page.goto("/revoquer")
    page.locator("summary").click()
    page.get_by_label("Offre", exact=True).select_option("PRO")


def _rien(page: Page, _world: PortalWorld) -> None:
    page.goto("/revoquer?offre=TOUTES&fqdn=rien.example")


def _sans(page: Page, _world: PortalWorld) -> None:
    page.goto("/revoquer")


def _etape2(page: Page, world: PortalWorld) -> None:
    page.goto(f"/revoquer/{active(world, 'Serveur de fichiers')}")


def _deux_roles(page: Page, world: PortalWorld) -> None:
    page.goto(f"/revoquer/{withdrawn(world, pro_form(beneficiaire=MEDECIN))}")


def _erreurs(page: Page, world: PortalWorld) -> None:
    _etape2(page, world)
    page.get_by_label("Autre", exact=True).check()
    page.get_by_label("Différée, à la date d'effet ci-dessous").check()
    page.get_by_label("Adresse email pour la confirmation").fill("acteur@")
    page.get_by_role("button", name="Finaliser").click()


def _finaliser(page: Page, motif: str) -> None:
    page.get_by_label(motif, exact=True).check()
    page.get_by_label("Adresse email pour la confirmation").fill("acteur@acacias.example")
    page.get_by_label("Je confirme").check()
    page.get_by_role("button", name="Finaliser").click()


def _fin(page: Page, world: PortalWorld) -> None:
    _etape2(page, world)
    _finaliser(page, "Vol")


def _day(world: PortalWorld) -> str:
    return (world.clock() + timedelta(days=30)).date().isoformat()


def _deferred(world: PortalWorld) -> tuple[int, int]:
    return revoked(world, "Service qui ferme", motif="AUTRE", autre_motif="Fermeture", date_effet=_day(world))


def _fin_differee(page: Page, world: PortalWorld) -> None:
    page.goto(f"/revoquer/fin/{_deferred(world)[1]}")


def _deja_prevue(page: Page, world: PortalWorld) -> None:
    page.goto(f"/revoquer/{_deferred(world)[0]}")


def _deja(page: Page, world: PortalWorld) -> None:
    page.goto(f"/revoquer/{revoked(world, 'Déjà révoqué')[0]}")


def _deux_fois(page: Page, world: PortalWorld) -> None:
    numero = active(world, "Cliqué deux fois")
    page.goto(f"/revoquer/{numero}")
    revoke(world, numero, motif="VOL")
    _finaliser(page, "Vol")


def _a_retirer(page: Page, world: PortalWorld) -> None:
    page.goto(f"/revoquer/{place(world, org_form('Pas encore retiré'))}")


SHOTS = (
    Shot("etape1", "Révoquer, certificats actifs", _WHO, _etape1, figure="169, 173"),
    Shot("criteres", "Révoquer, critères de l'offre PRO", _WHO, _criteres, figure="170 à 172"),
    Shot("rien", "Aucun certificat ne répond", _WHO, _rien, figure="173"),
    Shot("sans-droit", "Qui ne porte et n'administre rien", "ph-arnaud", _sans),
    Shot("etape2", "Motif et date", _WHO, _etape2, figure="174, 175"),
    Shot("deux-roles", "Porteur et administrateur", _WHO, _deux_roles, figure="170, 174"),
    Shot("erreurs", "Toutes les erreurs à la fois", _WHO, _erreurs, figure="175"),
    Shot("deja-prevue", "Une révocation est déjà prévue", _WHO, _deja_prevue, figure="174"),
    Shot("deja", "Déjà révoqué", _WHO, _deja, figure="174"),
    Shot("a-retirer", "Pas encore retiré", _WHO, _a_retirer, figure="169"),
    Shot("fin", "Finalisation", _WHO, _fin, figure="176"),
    Shot("fin-differee", "Finalisation d'une révocation différée", _WHO, _fin_differee, figure="176"),
    Shot("deux-fois", "Un double clic", _WHO, _deux_fois, figure="176"),
)
