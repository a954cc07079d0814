"""The wizard of new demandes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding

from tests.integration.portal.wizard import grow
from tests.integration.portal.world import new_csr
from tests.screens.shots import Shot
from tests.support.acteurs import HOPITAL, PHARMACIENNE

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.integration.portal.world import PortalWorld

Reach = Callable[["Page", "PortalWorld"], None]
_WHO, _MANY, _NONE = "dr-leroux", "ph-arnaud", "dpi-acacias"
_CONTACT = "camille.leroux@acacias.example"


def _depart(page: Page, _world: PortalWorld) -> None:
    page.goto("/demander")


def _begin(page: Page, offre: str) -> None:
    page.goto("/demander")
    page.get_by_role("button", name=f"Demander un produit de l'offre {offre}").click()


def first(offre: str) -> Reach:
    """Step 1 of an offre."""

    def reach(page: Page, _world: PortalWorld) -> None:
        _begin(page, offre)

    return reach


@contextmanager
def many(world: PortalWorld) -> Iterator[None]:
    """She administers forty structures while the page is reached."""
    grow(world, _MANY, 40)
    yield
    world.withdraw_rights(_MANY)


def _first_many(page: Page, world: PortalWorld) -> None:
    with many(world):
        _begin(page, "SERV")


def _first_searched(page: Page, world: PortalWorld) -> None:
    with many(world):
        _begin(page, "SERV")
        page.get_by_label("Raison sociale").fill("STRUCTURE*")
        page.get_by_role("button", name="Rechercher la structure").click()
        page.wait_for_url("**#structure")


def _first_error(page: Page, world: PortalWorld) -> None:
    with many(world):
        _begin(page, "SERV")
        page.get_by_role("button", name="Suivant").click()
        page.get_by_role("alert").wait_for()


def _first_beneficiaire(page: Page, _world: PortalWorld) -> None:
    _begin(page, "PRO")
    page.get_by_label("Nom", exact=True).fill("ARN*")
    page.get_by_role("button", name="Rechercher le bénéficiaire").click()


def second(offre: str, *, search: bool = False) -> Reach:
    """Step 2."""

    def reach(page: Page, _world: PortalWorld) -> None:
        go_to_2(page, offre)
        if search:
            page.get_by_text("Renouveler un produit").click()
            page.get_by_role("button", name="Rechercher").click()

    return reach


def go_to_2(page: Page, offre: str) -> None:
    """Step 1 filled in and sent: the structure where there are several, the bénéficiaire for PRO."""
    _begin(page, offre)
    page.get_by_role("button", name="Suivant").wait_for()
    if offre != "PS" and page.locator(f"#structure-{HOPITAL}").count():
        page.locator(f"#structure-{HOPITAL}").check()
    if offre == "PRO":
        page.locator(f"#beneficiaire-{PHARMACIENNE}").check()
    page.get_by_role("button", name="Suivant").click()


def _go_to_3(page: Page, offre: str, usage: str) -> None:
    go_to_2(page, offre)
    page.get_by_role("button", name="Demander un nouveau produit").click()
    if usage:
        page.locator(f'input[name="usage"][value="{usage}"]').check()
        page.get_by_role("button", name="Choisir cet usage").click()


def third(offre: str, usage: str, **fields: str) -> Reach:
    """Step 3 with these fields filled in, by id."""

    def reach(page: Page, _world: PortalWorld) -> None:
        _go_to_3(page, offre, usage)
        for ident, value in fields.items():
            page.locator(f"#{ident.replace('__', '-')}").fill(value)

    return reach


def _third_fqdns(page: Page, _world: PortalWorld) -> None:
    _go_to_3(page, "SERV", "SSL_SERV")
    page.locator("#fqdns-0-texte").fill("www")
    page.get_by_role("button", name="Ajouter un FQDN").click()
    page.locator("#fqdns-1-texte").fill("portail")
    page.get_by_role("button", name="Ajouter un FQDN").click()


def _third_errors(page: Page, _world: PortalWorld) -> None:
    _go_to_3(page, "SERV", "S/MIME")
    page.locator("#email_acteur").fill("camille.leroux@@acacias")
    page.get_by_role("button", name="Suivant").last.click()


def _fill_org(page: Page, offre: str = "ORG") -> None:
    usage = {"ORG": "SIGN", "SERV": "SSL_SERV", "PRO": "CONF", "PS": "AUTH"}[offre]
    _go_to_3(page, offre, usage)
    if offre == "ORG":
        page.locator("#service_applicatif").fill("Cachet de l'imagerie")
    if offre == "SERV":
        page.locator("#fqdns-0-texte").fill("www")
    if offre == "PRO":
        page.locator("#adresse_locale").fill("ines.arnaud")
    page.locator("#email_acteur").fill(_CONTACT)


def details(offre: str) -> Reach:
    """What the certificate will say."""

    def reach(page: Page, _world: PortalWorld) -> None:
        _fill_org(page, offre)
        page.get_by_role("button", name="Détails du produit").click()

    return reach


def _fourth(page: Page, _world: PortalWorld) -> None:
    _fill_org(page)
    page.get_by_role("button", name="Suivant").last.click()


def _upload(page: Page, content: bytes) -> None:
    page.locator("#csr").set_input_files({"name": "imagerie.csr", "mimeType": "text/plain", "buffer": content})
    page.get_by_role("button", name="Suivant").click()


def _fourth_error(page: Page, world: PortalWorld) -> None:
    _fourth(page, world)
    _upload(page, new_csr(1024).public_bytes(Encoding.PEM))


def _fourth_kept(page: Page, world: PortalWorld) -> None:
    _fourth(page, world)
    _upload(page, new_csr().public_bytes(Encoding.PEM))
    page.get_by_role("link", name="Précédent").click()


def _final(page: Page, world: PortalWorld) -> None:
    _fourth(page, world)
    _upload(page, new_csr().public_bytes(Encoding.PEM))


def _final_warned(page: Page, world: PortalWorld) -> None:
    _go_to_3(page, "ORG", "AUTH_CLI")
    page.locator("#service_applicatif").fill("INSI AUTO")
    page.locator("#email_acteur").fill(_CONTACT)
    page.get_by_role("button", name="Suivant").last.click()
    _upload(page, new_csr().public_bytes(Encoding.PEM))


def _final_refused(page: Page, world: PortalWorld) -> None:
    used = new_csr().public_bytes(Encoding.PEM)
    tabs = []
    for _ in range(2):
        _fourth(page, world)
        _upload(page, used)
        tabs.append(page.url)
    page.get_by_role("button", name="Finaliser la demande").click()
    page.goto(tabs[0])


def _confirmed(page: Page, world: PortalWorld) -> None:
    _final(page, world)
    page.get_by_role("button", name="Finaliser la demande").click()


def _under_way(page: Page, world: PortalWorld) -> None:
    _fourth(page, world)
    _depart(page, world)


def _like(page: Page, world: PortalWorld) -> None:
    _confirmed(page, world)
    page.get_by_role("link", name="Demander un autre produit similaire").click()


def _lost(page: Page, _world: PortalWorld) -> None:
    page.goto("/demander/AAAAAAAAAAAAAAAAAAAAAA/etape-3")


def _nothing(page: Page, world: PortalWorld) -> None:
    rights = world.ra.acteurs.droits(world.acteurs[_NONE]).droits
    world.withdraw_rights(_NONE)
    page.goto("/demander")
    for right in rights:
        if right.par is None:
            world.grant(_NONE, right.offre, right.structure, "*acacias.example")


SHOTS = (
    Shot("depart", "Demander, ce qu'on peut commencer", _WHO, _depart, figure="35, 51"),
    Shot("depart-reprises", "Demander, formulaires à reprendre", _WHO, _under_way),
    Shot("depart-semblable", "Demander un produit similaire", _WHO, _like),
    Shot("depart-sans-droit", "Demander, sans aucun droit", _NONE, _nothing, figure="69"),
    Shot("etape-1-org", "Étape 1, offre ORG", _WHO, first("ORG"), figure="36, 37, 38"),
    Shot("etape-1-serv", "Étape 1, offre SERV", _WHO, first("SERV"), figure="52, 53, 54"),
    Shot("etape-1-pro", "Étape 1, offre PRO", _WHO, first("PRO"), figure="70, 71, 72"),
    Shot("etape-1-beneficiaire", "Étape 1, bénéficiaire cherché", _WHO, _first_beneficiaire, figure="73"),
    Shot("etape-1-ps", "Étape 1, offre PS", _WHO, first("PS"), figure="89, 90, 91"),
    Shot("etape-1-beaucoup", "Étape 1, de nombreuses structures", _MANY, _first_many, figure="38, 54"),
    Shot("etape-1-cherchee", "Étape 1, structures trouvées", _MANY, _first_searched, figure="38, 54"),
    Shot("etape-1-erreur", "Étape 1, structure manquante", _MANY, _first_error),
    Shot("etape-1-une", "Étape 1, une seule structure", "ide-marchand", first("ORG"), figure="36"),
    Shot("etape-2", "Étape 2", _WHO, second("ORG"), figure="39, 55, 74, 92"),
    Shot("etape-2-vide", "Étape 2, rien à renouveler", _WHO, second("PS", search=True), figure="40"),
    Shot("etape-3-usages", "Étape 3, usages", _WHO, third("ORG", ""), figure="43"),
    Shot("etape-3-org", "Étape 3, offre ORG", _WHO, third("ORG", "SIGN"), figure="41, 42, 44"),
    Shot("etape-3-serv", "Étape 3, offre SERV, adresse", _WHO, third("SERV", "S/MIME"), figure="57, 60, 62"),
    Shot("etape-3-fqdn", "Étape 3, offre SERV, FQDN", _WHO, _third_fqdns, figure="61"),
    Shot("etape-3-pro", "Étape 3, offre PRO, adresse", _WHO, third("PRO", "CONF"), figure="76, 80, 81"),
    Shot("etape-3-upn", "Étape 3, offre PRO, UPN", _WHO, third("PRO", "AUTH"), figure="79"),
    Shot("etape-3-ps", "Étape 3, offre PS", _WHO, third("PS", "SIGN"), figure="94, 98, 99"),
    Shot("etape-3-erreurs", "Étape 3, erreurs", _WHO, _third_errors),
    Shot("details-org", "Détails, offre ORG", _WHO, details("ORG"), figure="45"),
    Shot("details-serv", "Détails, offre SERV", _WHO, details("SERV"), figure="63"),
    Shot("details-pro", "Détails, offre PRO", _WHO, details("PRO"), figure="82"),
    Shot("details-ps", "Détails, offre PS", _WHO, details("PS"), figure="100"),
    Shot("etape-4", "Étape 4", _WHO, _fourth, figure="46, 47"),
    Shot("etape-4-refus", "Étape 4, CSR refusée", _WHO, _fourth_error),
    Shot("etape-4-gardee", "Étape 4, CSR gardée", _WHO, _fourth_kept),
    Shot("finalisation", "Finalisation", _WHO, _final, figure="48"),
    Shot("finalisation-avertie", "Finalisation, avertissement", _WHO, _final_warned),
    Shot("finalisation-refus", "Finalisation, refus", _WHO, _final_refused),
    Shot("confirmation", "Demande enregistrée", _WHO, _confirmed, figure="48"),
    Shot("perdu", "Formulaire qui n'existe plus", _WHO, _lost),
)
