"""Home (guide figure 69) and rights: what is offered follows the rights of the request, and what is missing is told."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from lxml import html

from commands.trial.fictitious import CLINIQUE, HOPITAL, PHARMACIE
from registration.vocabulary import Offre
from storage import tables
from tests.integration.portal.test_lots import get, text_of
from tests.integration.portal.world import XSS, PortalWorld, org_form
from tests.support.databases import statements
from tests.support.produits import conditions

STATEMENTS = 30


def actions(page: str) -> list[str]:
    found: Any = html.document_fromstring(page).xpath("//nav[@aria-label='Actions']//a/@href")
    return list(found)


def test_only_what_one_has_a_right_for_is_offered(world: PortalWorld) -> None:
    world.enroll("accueil-agent", habilitations=((Offre.ORG, HOPITAL, None),))
    session = world.session("accueil-agent")
    assert {"/demander", "/suivi", "/lots", "/droits"} <= set(actions(get(session, world, "/").text))
    page = text_of(get(session, world, "/"))
    assert "Les offres PRO et SERV ne sont pas ouvertes pour vous" in page
    world.withdraw_rights("accueil-agent")
    page = text_of(get(session, world, "/"))
    assert "Vous n'administrez aucune structure" in page


def test_who_has_no_right_at_all_reads_what_to_do(world: PortalWorld) -> None:
    pair = world.client("dpi-acacias")
    session = world.session(pair)
    assert "/lots" in actions(get(session, world, "/").text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.ra.acteurs, "offres", lambda _acteur: frozenset())
        page = get(session, world, "/")
    assert actions(page.text) == ["/suivi", "/droits"]
    assert "Demandez une habilitation au gestionnaire" in text_of(page)
    assert 'href="/lots"' not in page.text


def test_what_waits_and_what_failed_stands_there(world: PortalWorld) -> None:
    page = get(world.session("dpi-acacias"), world, "/")
    text = text_of(page)
    assert re.search(r"\d+ certificats à retirer n° \d+", text), text
    assert "avant le" in text
    assert "ERR_WS_039" in text
    assert f'href="/lots/{world.lot}"' in page.text
    assert XSS not in page.text
    world.enroll("accueil-vide")
    empty = text_of(get(world.session("accueil-vide"), world, "/"))
    assert "Rien n'attend" in empty
    assert "Aucune demande refusée" in empty
    assert "Aucun certificat en usage ne se termine" in empty


def ending(world: PortalWorld) -> int:
    """How many certificates the twelve months of the chart have together."""
    page = get(world.session("dr-leroux"), world, "/")
    rows: Any = html.document_fromstring(page.content).xpath("//table[@class='fins']/tbody/tr")
    return sum(int(row.text_content().split()[-1]) for row in rows)


def test_what_ends_is_a_bar_and_a_number_for_each_month(world: PortalWorld) -> None:
    numero = world.numeros(world.deposit(org_form("Fin prochaine"), reference="accueil-fin", sender="dr-leroux").index)
    world.run_batch()
    world.ra.retraits.withdraw(world.origin("dr-leroux"), numero[0], conditions())
    before = ending(world)
    world.set_end(numero, datetime.now(UTC) + timedelta(hours=1))
    page = get(world.session("dr-leroux"), world, "/")
    rows: Any = html.document_fromstring(page.content).xpath("//table[@class='fins']/tbody/tr")
    assert len(rows) == 12
    assert ending(world) == before + 1
    assert page.text.count('width="100.0"') == 1


def test_it_costs_the_same_whatever_there_is(world: PortalWorld) -> None:
    session = world.session("dr-leroux")
    get(session, world, "/")
    with statements(world.db.engine) as sent:
        assert get(session, world, "/").status_code == 200
    assert len(sent) <= STATEMENTS, len(sent)


def test_rights_are_searched_and_paged(world: PortalWorld) -> None:
    world.enroll(
        "droits-tous",
        habilitations=(
            (Offre.SERV, HOPITAL, "*acacias.example"),
            (Offre.ORG, CLINIQUE, None),
            (Offre.PRO, PHARMACIE, "*@pharmacie.example"),
        ),
    )
    session = world.session("droits-tous")
    text = text_of(get(session, world, "/droits"))
    assert "3 structures" in text
    assert "ORG par SERV" in text
    assert "[nom.]acacias.example" in text
    assert "Offre PS ouverte" in text
    found = text_of(get(session, world, "/droits?recherche=ACACÍAS"))
    assert "1 sur 3 structures" in found
    assert CLINIQUE not in found
    assert "1 sur 3 structures" in text_of(get(session, world, f"/droits?recherche={CLINIQUE[:9].lower()}"))
    nothing = get(session, world, "/droits?recherche=<script>")
    assert "Aucune structure trouvée" in text_of(nothing)
    assert "<script>" not in nothing.text
    assert get(session, world, "/droits?apres=99999999").status_code == 200


def test_rights_of_hundreds_of_structures_go_by_pages(world: PortalWorld) -> None:
    idents = [f"1F9{rank:07d}" for rank in range(320)]
    with world.db.write() as rows:
        rows.add_all(
            tables.Structure(
                plateforme=world.plateforme.value,
                id_national=ident,
                raison_sociale=f"PHARMACIE N° {ident}",
                departement="Paris (75)",
                raison_pliee="",
            )
            for ident in idents
        )
    world.enroll("droits-300", habilitations=tuple((Offre.ORG, ident, None) for ident in idents))
    session = world.session("droits-300")
    page = get(session, world, "/droits?taille=100")
    seen = re.findall(r"1F9\d{7}(?=</td>)", page.text)
    while following := re.search(r'rel="next" href="([^"]+)"', page.text):
        page = get(session, world, "/droits" + following[1].replace("&amp;", "&"))
        seen += re.findall(r"1F9\d{7}(?=</td>)", page.text)
    assert seen == idents
    assert "320 structures" in text_of(page)
