"""Doors and their sessions: stolen, planted, outlived, of another certificate; choosing a door, leaving, the text's size."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from lxml import html
from sqlalchemy import func, select, update

from portal_ihm.app import build_app
from portal_ihm.shell.doors import local_path
from registration.sessions.values import Porte
from registration.vocabulary import Offre
from storage import tables
from tests.integration.portal.portes import SANS_LOGIN, Portes, served_doors
from tests.integration.portal.wizard import token
from tests.integration.portal.world import SECRET, PortalWorld, serve
from tests.support.acteurs import HOPITAL

COOKIE = "__Host-portail"
_rows = tables.SessionPortail


@pytest.fixture(scope="module")
def portes(world: PortalWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portes]:
    with served_doors(world, tmp_path_factory.mktemp("portes")) as served:
        yield served


def parsed(content: bytes) -> Any:
    return html.document_fromstring(content)


def opened(world: PortalWorld, session: requests.Session) -> dict[str, str]:
    """The hidden field of the first form of Demander."""
    return {"csrf_token": token(session.get(f"{world.url}/demander", timeout=30).text)}


def sent(world: PortalWorld, session: requests.Session, **fields: str) -> requests.Response:
    return session.post(
        f"{world.url}/demander",
        data={"offre": "ORG", **fields},
        headers={"Origin": world.url},
        allow_redirects=False,
        timeout=30,
    )


def row_of(world: PortalWorld, token: str | None) -> tables.SessionPortail | None:
    assert token is not None
    with world.db.read() as session:
        return session.get(_rows, hashlib.sha256(token.encode()).hexdigest())


def somebody(world: PortalWorld, name: str) -> requests.Session:
    """One with a session at the door of software certificates."""
    if not world.client(name).certificate.exists():
        world.enroll(name, habilitations=((Offre.ORG, HOPITAL, None),))
    session = world.session(name)
    session.get(f"{world.url}/demander", timeout=30)
    assert COOKIE in session.cookies
    return session


def test_a_cookie_taken_before_leaving_is_worth_nothing_afterwards(world: PortalWorld) -> None:
    session = somebody(world, "volee")
    token, hidden = session.cookies[COOKIE], opened(world, session)
    left = session.post(f"{world.url}/deconnexion", headers={"Origin": world.url}, allow_redirects=False, timeout=30)
    assert left.headers["location"] == "/deconnexion"
    assert f"{COOKIE}=; " in left.headers["set-cookie"]
    assert row_of(world, token) is None
    thief = world.session("volee")  # he has the certificate too
    thief.cookies.set(COOKIE, token)
    answer = sent(world, thief, **hidden)
    assert answer.status_code == 422, "the token of the form went with the session"
    assert answer.headers["set-cookie"].startswith(f"{COOKIE}=")
    assert token not in answer.headers["set-cookie"]


def test_a_planted_cookie_becomes_nobody_elses_session(world: PortalWorld) -> None:
    attacker = somebody(world, "planteur")
    planted = attacker.cookies[COOKIE]
    victim = world.session("dr-leroux")
    answer = victim.get(f"{world.url}/demander", headers={"Cookie": f"{COOKIE}={planted}"}, timeout=30)
    given = answer.headers["set-cookie"]
    assert given.startswith(f"{COOKIE}=")
    assert planted not in given
    mine = row_of(world, planted)
    assert mine is not None
    assert "LEROUX" not in mine.acteur
    for invented in ("A" * 43, "x", "../../etc"):
        answer = victim.get(f"{world.url}/demander", headers={"Cookie": f"{COOKIE}={invented}"}, timeout=30)
        made = answer.headers["set-cookie"].partition(";")[0]
        assert made != f"{COOKIE}={invented}", "the server alone makes tokens"
        assert row_of(world, invented) is None


def test_another_certificate_of_the_same_person_has_another_session(world: PortalWorld) -> None:
    session = somebody(world, "deux-cartes")
    hidden = opened(world, session)
    first = session.cookies[COOKIE]
    world.enroll("deux-cartes", registered=False)
    other = world.session("deux-cartes")
    other.cookies.update(session.cookies)
    answer = sent(world, other, **hidden)
    assert answer.status_code == 422
    assert first not in answer.headers["set-cookie"]


def test_a_session_is_over_without_activity_and_after_its_life(world: PortalWorld) -> None:
    session = somebody(world, "dormeur")
    token, hidden = session.cookies[COOKIE], opened(world, session)
    row = row_of(world, token)
    assert row is not None
    assert row.expire_le - row.vue_le == timedelta(minutes=30)
    assert row.fin_le - row.ouverte_le == timedelta(hours=8)
    with world.db.write() as write:
        write.execute(update(_rows).where(_rows.cle == row.cle).values(expire_le=datetime.now(UTC)))
    answer = sent(world, session, **hidden)
    assert answer.status_code == 422
    assert token not in answer.headers["set-cookie"]


def test_pages_write_nothing_but_once_a_minute_that_it_is_in_use(world: PortalWorld) -> None:
    session = somebody(world, "assidu")
    token = session.cookies[COOKIE]
    before = row_of(world, token)
    assert before is not None
    for path in ("/", "/suivi", "/demander", "/suivi/demandes?offre=TOUTES"):
        assert "set-cookie" not in session.get(world.url + path, timeout=30).headers
    same = row_of(world, token)
    assert same is not None
    assert (same.vue_le, same.expire_le) == (before.vue_le, before.expire_le)
    ago = datetime.now(UTC) - timedelta(minutes=2)
    with world.db.write() as write:
        write.execute(update(_rows).where(_rows.cle == before.cle).values(vue_le=ago))
    session.get(world.url, timeout=30)
    seen = row_of(world, token)
    assert seen is not None
    assert seen.vue_le > ago
    assert seen.expire_le > before.expire_le


def test_who_reads_only_has_no_session_at_all(world: PortalWorld) -> None:
    world.enroll("lecteur", registered=False)
    with world.db.read() as read:
        before = read.scalar(select(func.count()).select_from(_rows))
    for session in (world.session("lecteur"), world.session(None)):
        for path in ("/", "/suivi", "/connexion", "/poste", "/deconnexion", "/rien"):
            assert "set-cookie" not in session.get(world.url + path, timeout=30).headers
    with world.db.read() as read:
        assert read.scalar(select(func.count()).select_from(_rows)) == before


def test_two_browsers_have_two_sessions_and_one_leaves_alone(world: PortalWorld) -> None:
    one, two = somebody(world, "deux-postes"), somebody(world, "deux-postes")
    hidden = opened(world, two)
    assert one.cookies[COOKIE] != two.cookies[COOKIE]
    one.post(f"{world.url}/deconnexion", headers={"Origin": world.url}, timeout=30)
    assert row_of(world, one.cookies.get(COOKIE) or "x") is None
    assert sent(world, two, **hidden).status_code == 303


def test_another_process_knows_them_and_a_restart_keeps_them(world: PortalWorld) -> None:
    session = somebody(world, "ailleurs")
    hidden, token = opened(world, session), session.cookies[COOKIE]

    def again(_address: str) -> object:
        return build_app(world.ra, session_secret=SECRET, public_url=world.url)

    with serve(world.here, again) as port:  # type: ignore[arg-type]  # an application
        there = world.session("ailleurs")
        there.cookies.set(COOKIE, token)
        assert "set-cookie" not in there.get(f"https://localhost:{port}/demander", timeout=30).headers
        answer = there.post(
            f"https://localhost:{port}/deconnexion", headers={"Origin": world.url}, allow_redirects=False, timeout=30
        )
        assert answer.status_code == 303
    assert sent(world, session, **hidden).status_code == 422, "ended there, ended here"


def test_doors_of_one_host_keep_their_cookies_apart(portes: Portes) -> None:
    session = portes.visitor("dr-leroux")
    for address in (portes.certificat, portes.carte):
        session.get(f"{address}/demander", timeout=30)
    names = {cookie.name for cookie in session.cookies}
    assert names == {"__Host-portail", "__Host-portail-carte"}
    mine = token(session.get(f"{portes.certificat}/demander", timeout=30).text)
    answer = portes.post(session, f"{portes.carte}/demander", csrf_token=mine, offre="ORG")
    assert answer.status_code == 422
    assert "ouvert il y a trop longtemps" in answer.text


@pytest.mark.parametrize("porte", Porte)
def test_a_form_of_another_door_is_a_form_of_another_site(portes: Portes, porte: Porte) -> None:
    session = portes.visitor("dr-leroux" if porte is not Porte.CONNEXION else None)
    for other in Porte:
        answer = session.post(
            f"{portes.addresses[porte]}/taille",
            data={"taille": "grande", "retour": "/"},
            headers={"Origin": portes.addresses[other]},
            allow_redirects=False,
            timeout=30,
        )
        assert answer.status_code == (303 if other is porte else 403)


def test_the_choice_of_doors_shows_each_and_leads_on(portes: Portes) -> None:
    session = portes.visitor()
    page = session.get(f"{portes.connexion}/retirer/12?b=1&x=%3Cscript%3E", timeout=30)
    assert page.url.startswith(f"{portes.connexion}/connexion?suite=")
    links = parsed(page.content).xpath("//main//a/@href")
    suite = "/retirer/12?b=1&x=%3Cscript%3E"
    assert f"{portes.carte}{suite}" in links
    assert f"{portes.certificat}{suite}" in links
    assert f"{portes.connexion}/poste" in links
    assert SANS_LOGIN in links
    assert "Pro Santé Connect</a>" not in page.text, "nobody has agreed anything with it here"
    assert session.get(f"{portes.connexion}/psc/connexion", timeout=30).status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_without_a_session_nothing_is_done_at_that_door(portes: Portes, method: str) -> None:
    answer = portes.visitor("dr-leroux").request(
        method, f"{portes.connexion}/demander", headers={"Origin": portes.connexion}, timeout=30
    )
    assert (answer.status_code, "Votre session est terminée" in answer.text) == (403, True)


@pytest.mark.parametrize(
    "suite",
    ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "evil", "", "/a b", "/\r\nX: y",
     "/é", "/" + "a" * 2_000, "/\\/evil.example"],
)  # fmt: skip
def test_nobody_is_led_elsewhere(portes: Portes, suite: str) -> None:
    assert local_path(suite) == "/"
    page = portes.visitor().get(f"{portes.connexion}/connexion", params={"suite": suite}, timeout=30)
    assert f'href="{portes.carte}/"' in page.text
    answer = portes.post(portes.visitor(), f"{portes.connexion}/taille", taille="grande", retour=suite)
    assert answer.headers["location"] == "/"


def test_the_size_of_the_text_is_kept_over_pages_and_logins(portes: Portes) -> None:
    session = portes.visitor("dr-leroux")
    page = session.get(f"{portes.certificat}/suivi/demandes?offre=TOUTES&etat=CLOSE", timeout=30)
    document = parsed(page.content)
    assert document.get("class") is None
    (form,) = document.xpath("//form[@action='/taille']")
    assert form.fields["retour"] == "/suivi/demandes?offre=TOUTES&etat=CLOSE"
    assert [button.get("aria-pressed") for button in form.xpath(".//button")] == ["false", "true", "false"]
    answer = portes.post(session, f"{portes.certificat}/taille", taille="grande", retour=form.fields["retour"])
    assert (answer.status_code, answer.headers["location"]) == (303, form.fields["retour"])
    for path in ("/", "/suivi", "/rien", "/deconnexion", "/connexion"):
        page = session.get(portes.certificat + path, timeout=30)
        assert parsed(page.content).get("class") == "texte-grande", path
    odd = portes.post(session, f"{portes.certificat}/taille", taille='"><script>', retour="/")
    assert "set-cookie" not in odd.headers


def test_a_page_that_answers_a_form_leads_back_to_where_it_began(portes: Portes) -> None:
    session = portes.visitor("dr-leroux")
    session.get(f"{portes.certificat}/demander", timeout=30)
    answer = portes.post(session, f"{portes.certificat}/demander", usage="SIGN")
    assert answer.status_code == 422
    (back,) = parsed(answer.content).xpath("//form[@action='/taille']/input[@name='retour']/@value")
    assert back == "/demander"


def test_whom_to_ask_stands_on_every_page(portes: Portes) -> None:
    for address, path, holder in (
        (portes.certificat, "/", "dr-leroux"),
        (portes.certificat, "/", None),
        (portes.certificat, "/rien", "dr-leroux"),
        (portes.connexion, "/connexion", None),
        (portes.connexion, "/deconnexion", None),
    ):
        page = portes.visitor(holder).get(address + path, timeout=30).text
        for word in ("01 99 00 99 00", "mailto:aide@igc.example", "75000 Paris"):
            assert word in page, (address, path)


def test_one_door_alone_names_no_other(world: PortalWorld, tmp_path: Path) -> None:
    with served_doors(world, tmp_path, portes=(Porte.CERTIFICAT,)) as alone:
        page = alone.visitor().get(alone.certificat, timeout=30)
    assert "ERR_IHM_002" in page.text
    assert "Vérifier mon poste" not in page.text
    assert "autre moyen" not in page.text
