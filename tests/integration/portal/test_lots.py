"""The room for lots over HTTP: who sees what, what waits, what was refused, items, CSV, and its end."""

from __future__ import annotations

import csv
import io
import re
from typing import Any, Protocol

import pytest
import requests
from lxml import html

from commands.trial.fictitious import HOPITAL
from registration.vocabulary import NatureLot, Offre
from tests.integration.portal.world import XSS, PortalWorld, org_form


class Site(Protocol):
    """Where a portal is."""

    @property
    def url(self) -> str: ...


def get(session: requests.Session, world: Site, path: str) -> requests.Response:
    return session.get(world.url + path, allow_redirects=False)


def text_of(page: requests.Response) -> str:
    found: Any = html.document_fromstring(page.content).xpath("//main")
    return " ".join(found[0].text_content().split())


def token_of(page: requests.Response) -> str:
    found = re.search(r'name="csrf_token" type="hidden" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def post(session: requests.Session, world: Site, path: str, **data: str) -> requests.Response:
    return session.post(world.url + path, data=data, headers={"Origin": world.url}, allow_redirects=False)


def test_the_list_is_of_those_one_may_follow(world: PortalWorld) -> None:
    page = get(world.session("dr-leroux"), world, "/lots")
    assert page.status_code == 200
    assert f'href="/lots/{world.lot}"' in page.text
    assert "LOT-2026-001" in page.text
    world.enroll("lots-rien")
    nobody = get(world.session("lots-rien"), world, "/lots")
    assert "Aucun lot" in nobody.text
    assert f'href="/lots/{world.lot}"' not in nobody.text
    of_revocations = get(world.session("dr-leroux"), world, f"/lots?nature={NatureLot.REVOCATIONS.value}")
    assert f'href="/lots/{world.lot}"' not in of_revocations.text


@pytest.mark.parametrize("query", ["nature=RIEN", "apres=x", "apres=99999999999999999999", "taille=0", "apres=,,"])
def test_what_no_link_says_is_read_as_the_first_page(world: PortalWorld, query: str) -> None:
    assert f'href="/lots/{world.lot}"' in get(world.session("dr-leroux"), world, f"/lots?{query}").text


def test_one_lot_tells_what_waits_and_what_was_refused(world: PortalWorld) -> None:
    page = get(world.session("dpi-acacias"), world, f"/lots/{world.lot}")
    assert page.status_code == 200
    text = text_of(page)
    assert re.search(r"5 certificats à retirer Avant le \d\d/\d\d/\d{4} \d\d:\d\d", text), text
    assert "2 éléments refusés" in text
    assert "ERR_IHM_026" in text
    assert "Demandez l'habilitation" in text
    assert "refresh" not in {name.lower() for name in page.headers}
    others = text_of(get(world.session("dr-leroux"), world, f"/lots/{world.lot}"))
    assert "refusé" not in others  # what never passed validation is its sender's alone


def test_what_a_sender_wrote_is_shown_as_text(world: PortalWorld) -> None:
    for path in (f"/lots/{world.lot}/elements", f"/lots/{world.lot}", "/lots", "/"):
        assert XSS not in get(world.session("dr-leroux"), world, path).text
    assert "&lt;img src=x" in get(world.session("dr-leroux"), world, f"/lots/{world.lot}/elements").text


@pytest.mark.parametrize("path", ["/lots/{}", "/lots/{}/elements", "/lots/{}/verdicts.csv", "/lots/{}/annuler"])
@pytest.mark.parametrize("index", ["0", "-1", "999999999", "9999999999999999999999", "x", "1%00", "１"])
def test_what_is_no_lot_of_ones_own_is_not_found(world: PortalWorld, path: str, index: str) -> None:
    assert get(world.session("dr-leroux"), world, path.format(index)).status_code == 404


def test_a_lot_of_others_is_not_found(world: PortalWorld) -> None:
    world.enroll("lots-etranger")
    session = world.session("lots-etranger")
    for path in ("", "/elements", "/verdicts.csv", "/annuler"):
        page = get(session, world, f"/lots/{world.lot}{path}")
        assert page.status_code == 404
        assert "LOT-2026-001" not in page.text
    token = token_of(get(session, world, "/lots/depot"))
    assert post(session, world, f"/lots/{world.lot}/annuler", csrf_token=token).status_code == 404


def test_items_are_paged_and_filtered(world: PortalWorld) -> None:
    session = world.session("dpi-acacias")
    every = get(session, world, f"/lots/{world.lot}/elements").text
    assert every.count('<th scope="row"') == 7
    refused = get(session, world, f"/lots/{world.lot}/elements?etat=REJETEE").text
    assert refused.count('<th scope="row"') == 2
    assert get(session, world, f"/lots/{world.lot}/elements?etat=VALIDEE").status_code == 200
    assert get(session, world, f"/lots/{world.lot}/elements?etat=<b>").text.count('<th scope="row"') == 7


def test_verdicts_are_a_file(world: PortalWorld) -> None:
    answer = get(world.session("dpi-acacias"), world, f"/lots/{world.lot}/verdicts.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert f'filename="lot-{world.lot}-verdicts.csv"' in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
    assert [row["Position"] for row in rows] == [str(position) for position in range(1, 8)]
    assert [bool(row["Code du refus"]) for row in rows] == [False, False, False, False, True, False, True]
    assert not [value for row in rows for value in row.values() if value.startswith(("=", "+", "-", "@"))]


def large(world: PortalWorld, reference: str, count: int = 30) -> int:
    return world.deposit(
        *[org_form(f"Application {rank}", reference=f"r-{rank}") for rank in range(count)],
        reference=reference,
        sender="dr-leroux",
    ).index


def test_progress_is_live_until_it_is_stopped_or_over(world: PortalWorld) -> None:
    index = large(world, "vivant", 21)
    session = world.session("dr-leroux")
    page = get(session, world, f"/lots/{index}")
    assert page.headers["Refresh"] == f"5; url=/lots/{index}"
    assert f'href="/lots/{index}?pause=1"' in page.text
    assert 'value="0"' in page.text
    paused = get(session, world, f"/lots/{index}?pause=1")
    assert "Refresh" not in paused.headers
    assert "Reprendre l'actualisation" in text_of(paused).replace("’", "'")
    empty = get(session, world, f"/lots/{index}/elements")
    assert "à mesure qu'ils sont enregistrés" in text_of(empty)
    world.run_batch()
    done = get(session, world, f"/lots/{index}")
    assert "Refresh" not in done.headers
    assert "21 certificats à retirer" in text_of(done)


def test_a_lot_is_cancelled_once_after_a_question(world: PortalWorld) -> None:
    index = large(world, "à annuler", 3)
    world.run_batch()
    session = world.session("dr-leroux")
    asked = get(session, world, f"/lots/{index}/annuler")
    assert "On ne revient pas sur une annulation" in text_of(asked)
    refused = post(session, world, f"/lots/{index}/annuler")
    assert refused.status_code == 422
    assert post(session, world, f"/lots/{index}/annuler", csrf_token="x").status_code == 422
    assert "3 certificats à retirer" in text_of(get(session, world, f"/lots/{index}"))
    done = post(session, world, f"/lots/{index}/annuler", csrf_token=token_of(asked))
    assert (done.status_code, done.headers["Location"]) == (303, f"/lots/{index}?annulees=3")
    assert "3 éléments annulés" in text_of(get(session, world, done.headers["Location"]))
    again = post(session, world, f"/lots/{index}/annuler", csrf_token=token_of(asked))
    assert again.headers["Location"] == f"/lots/{index}?annulees=0"
    assert "plus rien à annuler" in text_of(get(session, world, f"/lots/{index}/annuler"))


def test_a_form_of_another_site_cancels_nothing(world: PortalWorld) -> None:
    session = world.session("dr-leroux")
    token = token_of(get(session, world, f"/lots/{world.lot}/annuler"))
    answer = session.post(
        f"{world.url}/lots/{world.lot}/annuler", data={"csrf_token": token}, headers={"Origin": "https://evil.example"}
    )
    assert answer.status_code == 403


def test_rights_that_are_lost_meanwhile_cancel_nothing(world: PortalWorld) -> None:
    world.enroll("lots-perdu", habilitations=())

    world.grant("lots-perdu", Offre.ORG, HOPITAL)
    session = world.session("lots-perdu")
    asked = get(session, world, f"/lots/{world.lot}/annuler")
    assert asked.status_code == 200
    world.withdraw_rights("lots-perdu")
    answer = post(session, world, f"/lots/{world.lot}/annuler", csrf_token=token_of(asked))
    assert answer.status_code == 404
