"""What the portal offers follows the habilitations of the very request: menu, home page, form, and its refusals."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from commands.trial.fictitious import CLINIQUE, HOPITAL, PHARMACIE
from portal_ihm.demander.offered import MAX_MARKS, Marks
from registration.acteurs.habilitations import Habilitation
from registration.life.fermetures import close, reopen
from registration.vocabulary import Offre, Plateforme, Usage
from tests.integration.portal.wizard import MAIL, Wizard, codes_at, ready, summary_of
from tests.integration.portal.world import PortalWorld
from tests.support.acteurs import ALL_SENDERS, add_acteur
from tests.support.databases import statements
from tests.support.pairs import write_pair

ORG_HERE: Habilitation = (Offre.ORG, HOPITAL, None)
ORG_THERE: Habilitation = (Offre.ORG, CLINIQUE, None)
PRO_HERE: Habilitation = (Offre.PRO, HOPITAL, "*@acacias.example")
MENU = '<a href="/demander"'


def test_a_right_lost_between_form_and_sending(world: PortalWorld) -> None:
    world.enroll("lost-between", habilitations=(ORG_HERE, ORG_THERE))
    form = ready(world, world.session("lost-between"))
    page = form.page("finalisation").text
    world.withdraw_rights("lost-between")
    world.grant("lost-between", *ORG_THERE[:2])
    answer = form.post(form.url("finalisation"), page=page)
    assert answer.status_code == 422
    told = summary_of(answer.text)
    assert ("ERR_IHM_020" in told, HOPITAL in told) == (True, True)
    assert f'href="{form.url(1)}#structure"' in answer.text
    assert "Prête à partir" in answer.text, "the form is kept"
    # Where it is corrected it is said again, and nothing is chosen in its place.
    first = form.page(1).text
    assert codes_at(first)["structure"] == ["ERR_IHM_020"]
    assert form.page(3).headers["location"] == form.url(1)
    assert form.post(form.url(3), page=first, usage="CONF").headers["location"] == form.url(1)
    answer = form.step(1, offre="ORG", structure=CLINIQUE)
    assert answer.headers["location"] == form.url(2)
    assert form.step(2, action="nouveau").headers["location"] == form.url(3)
    assert form.step("finalisation").status_code == 303
    assert world.demande(form.numero()).id_structure == CLINIQUE


def test_whose_last_right_is_lost_still_reads_why(world: PortalWorld) -> None:
    world.enroll("lost-last", habilitations=(ORG_HERE,))
    form = ready(world, world.session("lost-last"))
    page = form.page("finalisation").text
    world.withdraw_rights("lost-last")
    answer = form.post(form.url("finalisation"), page=page)
    assert answer.status_code == 422
    assert "ERR_IHM_020" in summary_of(answer.text)
    assert "ERR_IHM_020" in form.page(1).text


def test_a_right_lost_while_step_1_is_open_and_another_right_on_the_structure(world: PortalWorld) -> None:
    world.enroll("lost-early", habilitations=(ORG_HERE, ORG_THERE))
    form = Wizard(world, world.session("lost-early"))
    form.begin("ORG")
    page = form.page(1).text
    world.withdraw_rights("lost-early")
    world.grant("lost-early", *ORG_THERE[:2])
    answer = form.post(form.url(1), page=page, offre="ORG", structure=HOPITAL)
    assert (answer.status_code, codes_at(answer.text)["structure"]) == (422, ["ERR_IHM_020"])
    world.grant("lost-early", *PRO_HERE)
    answer = form.step(1, offre="ORG", structure=HOPITAL)
    assert (answer.status_code, codes_at(answer.text)["structure"]) == (422, ["ERR_IHM_020"])


def test_what_no_form_offered_is_no_right_lost(world: PortalWorld) -> None:
    world.enroll("never", habilitations=(ORG_THERE,))
    form = Wizard(world, world.session("never"))
    form.begin("ORG")
    for forged in ("", "A" * 12, "A" * 3_000, "é\0", HOPITAL):
        answer = form.step(1, offre="ORG", structure=HOPITAL, offertes=forged)
        assert (answer.status_code, codes_at(answer.text)["structure"]) == (422, ["ERR_IHM_026"]), forged
    assert codes_at(form.step(1, offre="ORG", structure="10B9999999").text)["structure"] == ["ERR_IHM_005"]


def test_what_a_form_offered_to_another_person_or_session_proves_nothing(world: PortalWorld) -> None:
    theirs = Wizard(world, world.session("dr-leroux"))
    theirs.begin("ORG")
    foreign = [theirs.hidden(theirs.page(1).text)["offertes"]]
    world.enroll("reader", habilitations=(ORG_HERE, ORG_THERE))
    earlier = Wizard(world, world.session("reader"))
    earlier.begin("ORG")
    foreign.append(earlier.hidden(earlier.page(1).text)["offertes"])
    world.withdraw_rights("reader")
    world.grant("reader", *ORG_THERE[:2])
    form = Wizard(world, world.session("reader"))
    form.begin("ORG")
    for marks in foreign:
        answer = form.step(1, offre="ORG", structure=HOPITAL, offertes=marks)
        assert (answer.status_code, codes_at(answer.text)["structure"]) == (422, ["ERR_IHM_026"])


def test_marks_stay_small_and_are_those_of_one_reader() -> None:
    structures = [f"10B{rank:07d}" for rank in range(5000)]
    mine = Marks(b"k" * 32, acteur="7", session="s")
    assert len(mine.write(structures[:300])) == 3600
    text = mine.write(structures)
    assert len(text) == 12 * MAX_MARKS < 48 * 1024
    assert mine.prove(text, structures[0])
    assert mine.prove(text, structures[MAX_MARKS - 1])
    assert not mine.prove(text, structures[MAX_MARKS])
    assert not mine.prove(text[1:], structures[1])
    for other in (
        Marks(b"x" * 32, acteur="7", session="s"),
        Marks(b"k" * 32, acteur="8", session="s"),
        Marks(b"k" * 32, acteur="7", session="t"),
    ):
        assert not other.prove(text, structures[0])
    assert not mine.prove("", "")
    assert not mine.prove(text, "\ud800")


def staff(world: PortalWorld) -> str:
    """One with a card of a member of staff: nothing is his by the kind of his card."""
    if "menu" not in world.acteurs:
        sender = replace(ALL_SENDERS["administrateur"], name="menu", habilitations=())
        world.acteurs["menu"] = add_acteur(world.db, world.plateforme, sender)
        write_pair(world.client("dr-leroux").key.parent, "menu", world.enroll_client("menu", sender.content))
    world.withdraw_rights("menu")
    return "menu"


def test_the_menu_offers_what_one_may_do_now(world: PortalWorld) -> None:
    session = world.session(staff(world))

    def offers(path: str) -> bool:
        return MENU in session.get(world.url + path).text

    assert [offers(path) for path in ("/", "/suivi", "/demander", "/rien")] == [False] * 4
    world.grant("menu", Offre.SERV, PHARMACIE, "*pharmacie.example")
    assert [offers(path) for path in ("/", "/suivi", "/demander", "/rien")] == [True] * 4
    page = session.get(f"{world.url}/demander").text
    assert re.findall(r'name="offre" value="(\w+)"', page) == ["ORG", "SERV"]
    world.withdraw_rights("menu")
    assert not offers("/suivi")


@pytest.mark.parametrize("path", ["/demander"])
def test_who_may_not_reads_what_he_lacks_and_what_to_do(world: PortalWorld, path: str) -> None:
    page = world.session(staff(world)).get(world.url + path).text
    assert "Vous n'êtes administrateur technique d'aucune structure" in page
    assert "Demandez une habilitation au gestionnaire des habilitations de votre structure" in page
    assert "Vous ne pouvez pas demander de certificat ici" not in world.session("ph-arnaud").get(world.url + path).text


def test_the_menu_costs_one_short_statement(world: PortalWorld) -> None:
    session = world.session("dr-leroux")
    with statements(world.db.engine) as sent_ones:
        assert session.get(f"{world.url}/rien").status_code == 404
    assert sum("habilitation" in statement for statement in sent_ones) == 1


def test_a_product_that_is_closed_is_refused_at_its_field_and_the_form_is_kept(world: PortalWorld) -> None:
    world.enroll("closed-product", habilitations=(ORG_HERE,))
    form = ready(world, world.session("closed-product"))
    page, produit = form.page("finalisation").text, (Offre.ORG, Usage.AUTH_CLI)
    with world.db.write() as database:
        assert close(database, Plateforme.TEST, produit, datetime.now(UTC), "essai", None)
    try:
        answer = form.post(form.url("finalisation"), page=page)
        third = form.page(3).text
        again = form.step(3, usage="AUTH_CLI", service_applicatif="Prête à partir", email_acteur=MAIL)
        other = Wizard(world, form.session)
        other.choose("ORG")
        chosen = other.step(3, usage="AUTH_CLI", action="usage")
    finally:
        with world.db.write() as database:
            reopen(database, Plateforme.TEST, produit, datetime.now(UTC), "essai")
    assert (answer.status_code, "ERR_IHM_019" in summary_of(answer.text)) == (422, True)
    assert f'href="{form.url(3)}#usage"' in answer.text
    assert "AUTH_CLI – authentification d&#39;un client (fermé aux nouvelles demandes)" in third
    for refused in (again, chosen):
        assert (refused.status_code, codes_at(refused.text)["usage"]) == (422, ["ERR_IHM_019"])
    assert form.send().status_code == 303
