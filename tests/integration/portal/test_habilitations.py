"""What the portal offers follows the habilitations of the very request: menu, home page, form, and its refusals."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
import requests
from cryptography.hazmat.primitives.serialization import Encoding

from commands.trial.fictitious import CLINIQUE, HOPITAL, PHARMACIE
from portal_ihm.demander.offered import MAX_MARKS, Marks
from registration.acteurs.habilitations import Habilitation
from registration.life.fermetures import close, reopen
from registration.vocabulary import Offre, Plateforme, Usage
from tests.integration.portal.test_door import demande_fields
from tests.integration.portal.world import PortalWorld, new_csr
from tests.support.databases import statements

ORG_HERE: Habilitation = (Offre.ORG, HOPITAL, None)
ORG_THERE: Habilitation = (Offre.ORG, CLINIQUE, None)
PRO_HERE: Habilitation = (Offre.PRO, HOPITAL, "*@acacias.example")
MENU = '<a href="/demander"'


def opened(world: PortalWorld, session: requests.Session) -> dict[str, str]:
    """The hidden fields of a form that was just opened."""
    page = session.get(f"{world.url}/demander").text
    return dict(re.findall(r'name="(csrf_token|offertes)" type="hidden" value="([^"]+)"', page))


def sent(world: PortalWorld, session: requests.Session, **fields: str) -> requests.Response:
    return session.post(
        f"{world.url}/demander",
        data=demande_fields(**{"service_applicatif": "Droit perdu"} | fields),
        files={"csr": ("a.csr", new_csr().public_bytes(Encoding.PEM))},
        headers={"Origin": world.url},
        allow_redirects=False,
    )


def code_at_structure(answer: requests.Response) -> str:
    assert answer.status_code == 422, answer.text
    found = re.search(r'id="structure-erreur">.*?\((ERR_IHM_\d+)\)', answer.text)
    assert found, answer.text
    return found[1]


def test_a_right_lost_between_form_and_sending(world: PortalWorld) -> None:
    world.enroll("lost-between", habilitations=(ORG_HERE, ORG_THERE))
    session = world.session("lost-between")
    hidden = opened(world, session)
    world.withdraw_rights("lost-between")
    world.grant("lost-between", *ORG_THERE[:2])
    answer = sent(world, session, **hidden)
    assert code_at_structure(answer) == "ERR_IHM_020"
    assert HOPITAL in answer.text.partition('id="structure-erreur"')[2].partition("</p>")[0]
    assert f'value="{HOPITAL}"' not in answer.text
    # Sent again as it stands, it must not be placed for the structure that happens to be left.
    assert re.search(r'<option( selected)? value="">Choisir une structure</option>', answer.text)
    assert f'<option selected value="{CLINIQUE}">' not in answer.text
    assert sent(world, session, **opened(world, session), structure=CLINIQUE).status_code == 303


def test_whose_last_right_is_lost_still_reads_why(world: PortalWorld) -> None:
    world.enroll("lost-last", habilitations=(ORG_HERE,))
    session = world.session("lost-last")
    hidden = opened(world, session)
    world.withdraw_rights("lost-last")
    answer = sent(world, session, **hidden)
    assert answer.status_code == 422
    assert "ERR_IHM_020" in answer.text
    assert "Vous ne pouvez pas demander de certificat ici" in answer.text
    assert 'href="#' not in answer.text.partition("<main")[2], "no link to a field that is not there"


def test_it_is_told_beside_other_errors_of_the_form(world: PortalWorld) -> None:
    world.enroll("lost-too", habilitations=(ORG_HERE, ORG_THERE))
    session = world.session("lost-too")
    hidden = opened(world, session)
    world.withdraw_rights("lost-too")
    world.grant("lost-too", *ORG_THERE[:2])
    answer = sent(world, session, **hidden, email_acteur="")
    assert code_at_structure(answer) == "ERR_IHM_020"
    assert "ERR_IHM_057" in answer.text


def test_another_right_on_the_structure(world: PortalWorld) -> None:
    world.enroll("another-right", habilitations=(PRO_HERE, ORG_THERE))
    session = world.session("another-right")
    assert code_at_structure(sent(world, session, **opened(world, session))) == "ERR_IHM_020"


def test_what_no_form_offered_is_no_right_lost(world: PortalWorld) -> None:
    world.enroll("never", habilitations=(ORG_THERE,))
    session = world.session("never")
    for forged in ("", "A" * 12, "A" * 48_000, "é\0", HOPITAL):
        hidden = opened(world, session) | {"offertes": forged}
        assert code_at_structure(sent(world, session, **hidden)) == "ERR_IHM_026"


def test_what_a_form_offered_to_another_person_or_session_proves_nothing(world: PortalWorld) -> None:
    theirs = opened(world, world.session("dr-leroux"))["offertes"]
    world.enroll("reader", habilitations=(ORG_HERE, ORG_THERE))
    earlier = opened(world, world.session("reader"))["offertes"]
    world.withdraw_rights("reader")
    world.grant("reader", *ORG_THERE[:2])
    session = world.session("reader")
    for foreign in (theirs, earlier):
        hidden = opened(world, session) | {"offertes": foreign}
        assert code_at_structure(sent(world, session, **hidden)) == "ERR_IHM_026"


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


def test_the_menu_offers_what_one_may_do_now(world: PortalWorld) -> None:
    world.enroll("menu", habilitations=(PRO_HERE,))
    session = world.session("menu")

    def offers(path: str) -> bool:
        return MENU in session.get(world.url + path).text

    assert [offers(path) for path in ("/", "/suivi", "/demander", "/rien")] == [False] * 4
    world.grant("menu", Offre.SERV, PHARMACIE, "*pharmacie.example")
    assert [offers(path) for path in ("/", "/suivi", "/demander", "/rien")] == [True] * 4
    world.withdraw_rights("menu")
    assert not offers("/suivi")


@pytest.mark.parametrize("path", ["/", "/demander"])
def test_who_may_not_reads_what_he_lacks_and_what_to_do(world: PortalWorld, path: str) -> None:
    page = world.session("ph-arnaud").get(world.url + path).text
    assert "Vous n'êtes administrateur technique d'aucune structure pour l'offre ORG" in page
    assert "Demandez-la au gestionnaire des habilitations de votre structure" in page
    assert "Vous ne pouvez pas demander de certificat ici" not in world.session("dr-leroux").get(world.url + path).text


def test_the_menu_costs_one_short_statement(world: PortalWorld) -> None:
    session = world.session("dr-leroux")
    with statements(world.db.engine) as sent_ones:
        assert session.get(f"{world.url}/rien").status_code == 404
    assert sum("habilitation" in statement for statement in sent_ones) == 1


def test_a_product_that_is_closed_is_refused_at_its_field_and_the_form_is_kept(world: PortalWorld) -> None:
    world.enroll("closed-product", habilitations=(ORG_HERE,))
    session = world.session("closed-product")
    hidden = opened(world, session)
    produit = (Offre.ORG, Usage(demande_fields()["usage"]))
    with world.db.write() as database:
        assert close(database, Plateforme.TEST, produit, datetime.now(UTC), "essai", None)
    try:
        answer = sent(world, session, **hidden)
    finally:
        with world.db.write() as database:
            reopen(database, Plateforme.TEST, produit, datetime.now(UTC), "essai")
    assert answer.status_code == 422
    assert re.search(r'id="usage-erreur">.*?\(ERR_IHM_019\)', answer.text, re.DOTALL), answer.text
    assert "Droit perdu" in answer.text
    assert sent(world, session, **opened(world, session)).status_code == 303
