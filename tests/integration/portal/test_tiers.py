"""Agir pour un tiers on the portal: search, select, whose name stands on every page, and how it ends."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
import requests

from commands.trial.fictitious import ADMINISTRATRICE, MEDECIN
from portal_ihm.login.intake import SESSION_COOKIE
from registration.acteurs.administrateurs import appoint, dismiss
from registration.acteurs.habilitations import Terms
from registration.vocabulary import Offre
from tests.integration.portal.test_habilitations import MENU
from tests.integration.portal.wizard import ready
from tests.integration.portal.world import PortalWorld
from tests.support.acteurs import HOPITAL

ORG = 'name="offre" value="ORG"'
BANNER = "Vous agissez pour <strong>LEROUX CAMILLE</strong>"


def helper(world: PortalWorld, name: str) -> requests.Session:
    """The browser of one who may act for others, and has no other right."""
    world.enroll(name)
    name_helper(world, name)
    return world.session(name)


def name_helper(world: PortalWorld, name: str) -> None:
    """Let him act for third parties."""
    with world.db.write() as session:
        assert appoint(session, world.acteurs[name].id, datetime.now(UTC), Terms(motif="assistance"))


def token(page: str) -> dict[str, str]:
    return dict(re.findall(r'name="(csrf_token|trouve)" type="hidden" value="([^"]*)"', page))


def post(world: PortalWorld, session: requests.Session, path: str, **fields: str) -> requests.Response:
    return session.post(world.url + path, data=fields, headers={"Origin": world.url}, allow_redirects=False)


def search(world: PortalWorld, session: requests.Session, numero: str) -> requests.Response:
    hidden = token(session.get(f"{world.url}/tiers").text)
    return post(world, session, "/tiers", **hidden, numero=numero, action="rechercher")


def select(world: PortalWorld, session: requests.Session, numero: str) -> requests.Response:
    hidden = token(search(world, session, numero).text)
    return post(world, session, "/tiers", **hidden, numero=numero, action="selectionner")


def test_search_select_act_and_stop(world: PortalWorld) -> None:
    session = helper(world, "aide")
    home = session.get(world.url).text
    assert 'href="/tiers"' in home
    assert ORG not in session.get(f"{world.url}/demander").text
    found = search(world, session, f" {MEDECIN} ")
    assert (found.status_code, "LEROUX CAMILLE" in found.text, BANNER in found.text) == (200, True, False)
    answer = select(world, session, MEDECIN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    for path in ("/", "/suivi", "/demander", "/rien", "/tiers"):
        page = session.get(world.url + path).text
        assert BANNER in page, path
        assert "<strong>AIDE ALIX</strong>" in page, "who is connected"
        assert MENU in page
    assert ORG in session.get(f"{world.url}/demander").text, "the third party's rights"
    home = session.get(world.url).text
    assert "Bonjour, AIDE ALIX" in home  # who sits there; whose perimeter it is stands above it
    assert "Ce tableau est celui de <strong>LEROUX CAMILLE</strong>" in home
    form = ready(world, session)
    placed = form.send()
    assert placed.status_code == 303, placed.text
    numero = form.numero()
    row = world.demande(numero)
    assert (row.id_acteur, row.id_administrateur) == (world.acteurs["dr-leroux"].id, world.acteurs["aide"].id)
    assert "AIDE ALIX" in session.get(f"{world.url}/suivi/demandes/{numero}/historique").text
    assert post(world, session, "/tiers/fin").status_code == 303
    page = session.get(world.url).text
    assert BANNER not in page
    assert ORG not in session.get(f"{world.url}/demander").text
    assert session.get(f"{world.url}/suivi/demandes/{numero}").status_code == 404


def test_nothing_is_selected_that_was_not_found_first(world: PortalWorld) -> None:
    session = helper(world, "presse")
    hidden = token(session.get(f"{world.url}/tiers").text)
    direct = post(world, session, "/tiers", **hidden, numero=MEDECIN, action="selectionner")
    assert (direct.status_code, "ERR_IHM_003" in direct.text) == (422, True)
    hidden = token(search(world, session, MEDECIN).text)
    other = post(world, session, "/tiers", **hidden, numero=ADMINISTRATRICE, action="selectionner")
    assert (other.status_code, "ERR_IHM_003" in other.text) == (422, True)
    assert BANNER not in session.get(world.url).text


@pytest.mark.parametrize("numero", ["899700990999", "", "<b>", "9" * 33, "10B0990011/DPI"])
def test_a_wrong_number_is_018(world: PortalWorld, numero: str) -> None:
    name = "faux"
    session = world.session(name) if name in world.acteurs else helper(world, name)
    answer = search(world, session, numero)
    assert (answer.status_code, "ERR_IHM_018" in answer.text) == (422, True)
    assert "<b>" not in answer.text


def test_the_end_counts_at_the_next_request_and_nothing_is_done_in_ones_own_name(world: PortalWorld) -> None:
    session = helper(world, "parti")
    # He could do it in his own name as well: it must not be done for want of the other.
    world.grant("parti", Offre.ORG, HOPITAL)
    assert select(world, session, MEDECIN).status_code == 303
    form = ready(world, session)
    shown = form.page("finalisation").text
    with world.db.write() as write:
        assert dismiss(write, world.acteurs["parti"].id, datetime.now(UTC), "départ")
    refused = form.post(form.url("finalisation"), page=shown)
    assert (refused.status_code, "ERR_IHM_026" in refused.text) == (403, True)
    page = session.get(world.url).text
    assert (BANNER in page, 'href="/tiers"' in page) == (False, False)
    again = form.post(form.url("finalisation"), page=shown)
    assert again.status_code == 404, "a form of the other's is not his"


def test_a_form_of_ones_own_is_void_once_one_acts_for_another(world: PortalWorld) -> None:
    session = helper(world, "deux")
    world.grant("deux", Offre.ORG, HOPITAL)
    mine = ready(world, session)
    shown = mine.page("finalisation").text
    assert select(world, session, MEDECIN).status_code == 303
    assert mine.post(mine.url("finalisation"), page=shown).status_code == 404
    assert mine.page("finalisation").status_code == 404


def test_who_is_not_named_has_no_such_page(world: PortalWorld) -> None:
    session = world.session("dr-leroux")
    assert 'href="/tiers"' not in session.get(world.url).text
    assert session.get(f"{world.url}/tiers").status_code == 403
    csrf_token = token(session.get(f"{world.url}/demander").text)["csrf_token"]
    answer = post(world, session, "/tiers", csrf_token=csrf_token, numero=ADMINISTRATRICE, action="rechercher")
    assert (answer.status_code, "ERR_IHM_026" in answer.text) == (403, True)


def test_the_choice_of_one_is_not_that_of_another_who_takes_the_browser(world: PortalWorld) -> None:
    first = helper(world, "premier")
    assert select(world, first, MEDECIN).status_code == 303
    cookie = {"Cookie": f"{SESSION_COOKIE}={first.cookies.get(SESSION_COOKIE)}"}
    assert BANNER in world.session("premier").get(world.url, headers=cookie).text
    page = helper(world, "second").get(world.url, headers=cookie).text
    assert (BANNER in page, "<strong>SECOND ALIX</strong>" in page) == (False, True)
