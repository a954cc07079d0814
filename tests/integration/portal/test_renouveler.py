"""Renewal on the portal (guide §8.6): found, taken over, fixed but for its contacts, and refused with its sentence."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from itertools import count

import requests

from registration.vocabulary import Canal, Offre, Usage
from tests.integration.portal.wizard import MAIL, Wizard, codes_at, summary_of
from tests.integration.portal.world import PortalWorld, org_form
from tests.support.acteurs import HOPITAL, PHARMACIE
from tests.support.databases import statements
from tests.support.produits import conditions

_numbers = count(1)


def somebody(world: PortalWorld, *more: tuple[Offre, str, str | None]) -> tuple[str, requests.Session]:
    name = f"renouvelle-{next(_numbers)}"
    world.enroll(name, habilitations=more or ((Offre.ORG, HOPITAL, None),))
    return name, world.session(name)


def product(world: PortalWorld, name: str, days: int = 10, **changes: object) -> int:
    """The numero of one in use that ends in so many days."""
    fields = {"email_acteur": MAIL, "email_informe": "chef@acacias.example", **changes}
    numero = world.ra.demandes.submit(world.origin(name, Canal.IHM), org_form(f"À renouveler {name}", **fields))
    world.run_batch()
    world.ra.retraits.withdraw(world.origin(name, Canal.IHM), numero, conditions())
    world.set_end([numero], datetime.now(UTC) + timedelta(days=days))
    return numero


def test_from_the_list_to_the_new_demande(world: PortalWorld) -> None:
    name, session = somebody(world)
    numero = product(world, name)
    one = Wizard(world, session)
    listed = one.get("/renouveler").text
    assert f'action="/renouveler/{numero}"' in listed
    shown = unescape(one.get(f"/renouveler/{numero}").text)
    assert f"À renouveler {name}" in shown
    assert one.renew(numero).headers["location"] == one.url(3)
    page = one.page(3).text
    assert re.search(rf'value="À renouveler {name}" disabled', page)
    assert f'value="{MAIL}"' in page
    assert 'value="chef@acacias.example"' in page
    # Whatever an edited page sends, the product is that of the database.
    answer = one.step(
        3, email_acteur="neuf@acacias.example", email_informe="", usage="CONF", service_applicatif="Autre",
        structure="10B0990029", fqdns__0__texte="x", renouvelle="1",
    )  # fmt: skip
    assert answer.headers["location"] == one.url(4), summary_of(answer.text)
    assert one.upload().headers["location"] == one.url("finalisation")
    page = unescape(one.page("finalisation").text)
    assert f"À renouveler {name}" in page
    assert "Autre" not in page
    assert one.send().status_code == 303
    row = world.demande(one.numero())
    assert (row.renouvelle, row.usage, row.service_applicatif) == (numero, Usage.AUTH_CLI.value, f"À renouveler {name}")
    assert (row.email_acteur, row.email_informe) == ("neuf@acacias.example", None)
    assert f'action="/renouveler/{numero}"' not in one.get("/renouveler").text
    again = unescape(one.get(f"/renouveler/{numero}").text)
    assert ("a déjà un renouvellement" in again, str(one.numero()) in again) == (True, True)
    assert one.post(f"/renouveler/{numero}").status_code == 422


def test_from_step_2_whose_search_is_obligatory(world: PortalWorld) -> None:
    name, session = somebody(world)
    numero = product(world, name)
    one = Wizard(world, session)
    one.begin("ORG")
    one.step(1, offre="ORG")
    assert f"À renouveler {name}" not in unescape(one.page(2).text), "nothing before the search"
    found = one.get(f"{one.url(2)}?usage=AUTH_CLI&jours=15&chercher=1").text
    assert f'name="numero" value="{numero}"' in found
    # Others of the structure may have some that do.
    for asked in ("usage=CONF", "jours=7"):
        assert f'name="numero" value="{numero}"' not in one.get(f"{one.url(2)}?{asked}&chercher=1").text
    assert one.step(2, action="renouveler", numero=str(numero)).headers["location"] == one.url(3)
    assert one.step(3, email_acteur=MAIL, action="precedent").headers["location"] == one.url(2)
    assert one.step(2, action="renouveler", numero=str(numero)).headers["location"] == one.url(3)
    answer = one.step(3, email_acteur="rien", email_informe="rien")
    assert codes_at(answer.text) == {"email_acteur": ["ERR_IHM_057"], "email_informe": ["ERR_IHM_058"]}
    assert one.step(3, email_acteur=MAIL, action="details").headers["location"] == one.url("details")
    assert "DN du certificat" in one.page("details").text
    one.upload()
    assert one.send().status_code == 303
    assert world.demande(one.numero()).renouvelle == numero
    # A new product after all: it renews nothing.
    other = Wizard(world, session)
    other.choose("ORG")
    assert other.fill("CONF", service_applicatif="Nouveau").headers["location"] == other.url(4)


def test_what_may_not_be_renewed_says_why(world: PortalWorld) -> None:
    name, session = somebody(world)
    early, late = product(world, name, days=40), product(world, name, days=-11)
    new = world.ra.demandes.submit(world.origin(name, Canal.IHM), org_form("Pas encore signé"))
    one = Wizard(world, session)
    for numero, words in (
        (early, "sa fenêtre de renouvellement va du"),
        (late, "sa fenêtre de renouvellement va du"),
        (new, "aucun certificat n'en a été émis"),
    ):
        page = unescape(one.get(f"/renouveler/{numero}").text)
        assert words in page
        assert "ERR_IHM_063" in page
        assert f'action="/demander?comme={numero}"' in page or f"/demander?comme={numero}" in page
        assert one.renew(numero).status_code == 422
    one.choose("ORG")
    for text in (str(early), "0", "x", "9" * 25):
        answer = one.step(2, action="renouveler", numero=text)
        assert (answer.status_code, "ERR_" in summary_of(answer.text)) == (422, True)


def test_the_window_that_closes_meanwhile_and_a_right_lost(world: PortalWorld) -> None:
    name, session = somebody(world)
    numero = product(world, name)
    one = Wizard(world, session)
    one.renew(numero)
    one.step(3, email_acteur=MAIL)
    one.upload()
    page = one.page("finalisation").text
    world.set_end([numero], datetime.now(UTC) - timedelta(days=20))
    answer = one.post(one.url("finalisation"), page=page)
    assert (answer.status_code, "ERR_IHM_063" in summary_of(answer.text)) == (422, True)
    world.set_end([numero], datetime.now(UTC) + timedelta(days=5))
    world.withdraw_rights(name)
    answer = one.post(one.url("finalisation"), page=page)
    assert answer.status_code == 403
    assert f"À renouveler {name}" not in answer.text
    assert one.get(f"/renouveler/{numero}").status_code == 403


def test_a_product_of_others_is_not_there(world: PortalWorld) -> None:
    name, _ = somebody(world)
    numero = product(world, name)
    stranger = Wizard(world, world.session("ide-marchand"))
    assert stranger.get(f"/renouveler/{numero}").status_code == 404
    assert f'"/renouveler/{numero}"' not in stranger.get("/renouveler").text
    page = stranger.get("/demander").text
    assert stranger.post(f"/renouveler/{numero}", page=page).status_code == 404
    stranger.choose("ORG")
    answer = stranger.step(2, action="renouveler", numero=str(numero))
    assert (answer.status_code, "ERR_WS_032" in answer.text) == (422, True)


def test_the_list_goes_on_and_costs_the_same(world: PortalWorld) -> None:
    name, session = somebody(world, (Offre.ORG, PHARMACIE, None))
    numeros = [product(world, name, days=day, structure=PHARMACIE) for day in (1, 2)]
    one = Wizard(world, session)

    def cost() -> int:
        with statements(world.db.engine) as sent:
            assert one.get("/renouveler").status_code == 200
        return len(sent)

    cost()
    few = cost()
    numeros += [product(world, name, days=day, structure=PHARMACIE) for day in (3, 4, 5)]
    assert cost() == few
    shown = [
        int(text) for text in re.findall(r'action="/renouveler/(\d+)"', one.get("/renouveler?usage=AUTH_CLI").text)
    ]
    assert shown == numeros, "what ends first first"
    page = one.get(f"/renouveler?apres={numeros[1]}").text
    assert [int(text) for text in re.findall(r'action="/renouveler/(\d+)"', page)] == numeros[2:]
    assert "Début de la liste" in page
    assert one.get("/renouveler?usage=RIEN").status_code == 422
    assert "ERR_WS_038" in one.get("/renouveler?apres=4611686018427387904").text
