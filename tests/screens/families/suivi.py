"""Follow-up: the three searches, what they find, one of each, and what is done from there."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from commands.trial.fictitious import HOPITAL
from registration.views import SearchCriteria
from registration.vocabulary import Canal, EtatDemande
from tests.integration.portal.produits import active, of_agent, revoked
from tests.integration.portal.world import org_form
from tests.screens.shots import Shot

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.integration.portal.world import PortalWorld

_WHO = "dr-leroux"


def _address(path: str) -> Callable[[Page, PortalWorld], None]:
    def reach(page: Page, world: PortalWorld) -> None:
        page.goto(path.format(lot=world.lot, hopital=HOPITAL))

    return reach


def _criteres(page: Page, _world: PortalWorld) -> None:
    page.goto("/suivi")
    page.locator("summary").click()


def _criteres_org(page: Page, world: PortalWorld) -> None:
    _criteres(page, world)
    page.get_by_label("Offre").select_option("ORG")


def _erreurs(page: Page, _world: PortalWorld) -> None:
    page.goto("/suivi/demandes?numero=589x&structure=%3F%3F&periode=intervalle&raison_sociale=A*")


def _one(page: Page, world: PortalWorld) -> None:
    page.goto(f"/suivi/demandes?numero={_first(world)}")


def _first(world: PortalWorld, etat: EtatDemande | None = None) -> int:
    acteur = world.origin("dpi-acacias").acteur
    page = world.ra.demandes.search(acteur, SearchCriteria(index_lot=world.lot, etat=etat))
    return page.demandes[-1].numero


def _rejected(page: Page, world: PortalWorld) -> None:
    page.goto(f"/suivi/demandes/{_first(world, EtatDemande.REJETEE)}")


def _twenty(page: Page, world: PortalWorld) -> None:
    found = world.ra.demandes.count(world.origin(_WHO).acteur, SearchCriteria(all_offres=True))
    for rank in range(max(0, 23 - found)):
        world.ra.demandes.submit(world.origin(_WHO, Canal.IHM), org_form(f"Poste de soins {rank + 1}"))
    of_agent(world)
    world.run_batch()
    page.goto("/suivi")


def _detail(page: Page, world: PortalWorld) -> None:
    page.goto(f"/suivi/demandes/{_first(world)}")


def _historique(page: Page, world: PortalWorld) -> None:
    page.goto(f"/suivi/demandes/{_first(world)}/historique")


def _produits(page: Page, world: PortalWorld) -> None:
    active(world, "Serveur de messagerie")
    revoked(world, "Poste volé", motif="VOL")
    _deferred(world)
    page.goto("/suivi/produits")


def _deferred(world: PortalWorld) -> int:
    day = (world.clock() + timedelta(days=30)).date().isoformat()
    return revoked(world, "Service qui ferme", motif="AUTRE", autre_motif="Fermeture du service", date_effet=day)[1]


def _produit(page: Page, world: PortalWorld) -> None:
    page.goto(f"/suivi/produits/{active(world, 'Imagerie médicale')}")


def _produit_revoque(page: Page, world: PortalWorld) -> None:
    page.goto(f"/suivi/produits/{revoked(world, 'Ancien serveur')[0]}")


def _revocations(page: Page, world: PortalWorld) -> None:
    revoked(world, "Poste perdu", motif="PERTE")
    _deferred(world)
    page.goto("/suivi/revocations")


def _revocation(page: Page, world: PortalWorld) -> None:
    page.goto(f"/suivi/revocations/{_deferred(world)}")


def _revocation_historique(page: Page, world: PortalWorld) -> None:
    page.goto(f"/suivi/revocations/{revoked(world, 'Poste repris')[1]}/historique")


def _abandonner(page: Page, world: PortalWorld) -> None:
    page.goto(f"/suivi/revocations/{_deferred(world)}/abandonner")


def _annuler(page: Page, world: PortalWorld) -> None:
    numero = world.ra.demandes.submit(world.origin(_WHO, Canal.IHM), org_form("Placée par erreur"))
    page.goto(f"/suivi/demandes/{numero}/annuler")


def _annulee(page: Page, world: PortalWorld) -> None:
    _annuler(page, world)
    page.get_by_role("button", name="Oui, annuler la demande").click()


def _trop_tard(page: Page, world: PortalWorld) -> None:
    page.goto(f"/suivi/demandes/{active(world, 'Déjà retirée')}/annuler")


SHOTS = (
    Shot("demandes-20", "Suivi des demandes, vingt dernières", _WHO, _twenty, figure="146"),
    Shot("criteres", "Suivi des demandes, critères ouverts", _WHO, _criteres, figure="140, 142 à 145"),
    Shot("criteres-org", "Critères de l'offre ORG", _WHO, _criteres_org, figure="141, 144"),
    Shot("criteres-erreurs", "Critères, toutes les erreurs à la fois", _WHO, _erreurs, figure="140"),
    Shot("trop-large", "Recherche trop large", _WHO, _address("/suivi/demandes?usage=SIGN"), figure="140"),
    Shot(
        "lot",
        "Demandes d'un lot, un refus dans sa ligne",
        "dpi-acacias",
        _address("/suivi/demandes?index_lot={lot}"),
        figure="115, 146",
    ),
    Shot("demandes-1", "Une seule demande", _WHO, _one, figure="146"),
    Shot("demandes-0", "Rien trouvé", _WHO, _address("/suivi/demandes?offre=TOUTES&fqdn=rien.example"), figure="146"),
    Shot("sans-droit", "Qui n'administre et ne porte rien", "ph-arnaud", _address("/suivi")),
    Shot("detail", "Détail d'une demande à retirer", _WHO, _detail, figure="148"),
    Shot("rejetee", "Détail d'une demande rejetée", "dpi-acacias", _rejected, figure="148"),
    Shot("historique", "Historique d'une demande", _WHO, _historique, figure="147"),
    Shot("produits", "Suivi des certificats", _WHO, _produits, figure="155"),
    Shot("produit", "Détail d'un certificat actif", _WHO, _produit, figure="157"),
    Shot("produit-revoque", "Détail d'un certificat révoqué", _WHO, _produit_revoque, figure="157"),
    Shot("revocations", "Suivi des révocations", _WHO, _revocations, figure="166"),
    Shot("revocation", "Une révocation qui attend son jour", _WHO, _revocation, figure="166"),
    Shot("revocation-historique", "Historique d'une révocation", _WHO, _revocation_historique, figure="167"),
    Shot("abandonner", "Abandonner une révocation différée", _WHO, _abandonner),
    Shot("annuler", "Confirmer une annulation", _WHO, _annuler, figure="116"),
    Shot("annulee", "Demande annulée", _WHO, _annulee, figure="116"),
    Shot("trop-tard", "Trop tard pour annuler", _WHO, _trop_tard, figure="116"),
    Shot("demande-inconnue", "Demande d'autrui ou inconnue", "ide-marchand", _address("/suivi/demandes/1")),
)
