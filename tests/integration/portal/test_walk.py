"""Every route of the portal as every kind of acteur, by GET and by POST, against the rows of ``doors``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from batch.issuing.own_certificates import enroll
from registration.acteurs.administrateurs import appoint
from registration.acteurs.habilitations import Terms
from registration.acteurs.operateurs import name_operateur
from registration.errors import AccessError
from registration.sessions.values import Porte
from registration.values import Caller
from registration.vocabulary import GenreBrouillon, Offre
from tests.integration.portal.doors import all_rows
from tests.integration.portal.portes import served_doors
from tests.integration.portal.walker import (
    Answer,
    Walker,
    check,
    content_of,
    filled,
    has_parameter,
    lasting,
    routes,
    some_keys,
)
from tests.integration.portal.world import PortalWorld
from tests.support.acteurs import ALL_SENDERS, CLINIQUE
from tests.support.cards import new_card
from tests.support.databases import statements
from tests.support.pairs import Pair, write_pair

ROWS = all_rows()
GETS = sorted(path for method, path in ROWS if method == "GET" and path != "/static")
POSTS = sorted(path for method, path in ROWS if method == "POST")
KNOWN = (
    "PS",
    "PS inscrit",
    "PF",
    "PE",
    "PA",
    "pharmacienne",
    "infirmière",
    "administratrice",
    "opératrice",
    "assistante",
    "application",
)
NOBODY = ("autre plateforme", "révoqué", "non inscrit", "personne")
STRANGERS = ("PS inscrit", "PS", "PF", "PE", "PA")
"""Whom nobody has ordered anything for, and who administer nothing; all but the first with cards never seen before."""
OF_ENTERING = {"acteur", "identite", "piste_audit", "tete_audit"}
"""Tables that tell who tried, the first time that he tries anything."""
OF_A_SESSION = {"/deconnexion", "/tiers/fin", "/taille"}
"""Forms that stand on every page and place nothing: the guard's check of their origin is enough."""
OF_ANOTHER_SERVER = {"/psc/fin-de-session"}
"""Sent by no browser; what it carries is signed instead."""
MISSING = "4611686018427387904"


def folder(world: PortalWorld) -> Path:
    return world.client("dr-leroux").key.parent


def _card(product: str, ident: str) -> Callable[[PortalWorld], Pair]:
    def make(world: PortalWorld) -> Pair:
        return write_pair(folder(world), f"marche-{product}", new_card(world, product, ident))

    return make


def _revoked(world: PortalWorld) -> Pair:
    pair = world.enroll("marche-revoquee", habilitations=((Offre.ORG, CLINIQUE, None),))
    world.revoke("marche-revoquee")
    return pair


def _unregistered(world: PortalWorld) -> Pair:
    enrolled = enroll(world.context, world.plateforme, ALL_SENDERS["inconnu"].content)
    return write_pair(folder(world), "marche-inconnue", enrolled)


def _operator(world: PortalWorld) -> Pair:
    pair = world.enroll("marche-operatrice")
    with world.db.write() as session:
        assert name_operateur(session, world.acteurs["marche-operatrice"].id, datetime.now(UTC), Terms(motif="essai"))
    return pair


def _helper(world: PortalWorld) -> Pair:
    """Acts for others."""
    pair = world.enroll("marche-assistante")
    with world.db.write() as session:
        assert appoint(session, world.acteurs["marche-assistante"].id, datetime.now(UTC), Terms(motif="assistance"))
    return pair


PAIRS: dict[str, Callable[[PortalWorld], Pair | None]] = {
    "PS inscrit": lambda world: world.enroll("marche-inscrite"),
    "PS": _card("CPS_AUTH", "899700990801"),
    "PF": _card("CPF_AUTH", "899700990802"),
    "PE": _card("CPE_AUTH", "30B0990011/CPE801"),
    "PA": _card("CPA_AUTH", "30B0990011/CPA801"),
    "pharmacienne": lambda world: world.client("ph-arnaud"),
    "infirmière": lambda world: world.client("ide-marchand"),
    "administratrice": lambda world: world.client("dr-leroux"),
    "opératrice": _operator,
    "assistante": _helper,
    "application": lambda world: world.client("dpi-acacias"),
    "autre plateforme": lambda world: world.foreigner,
    "révoqué": _revoked,
    "non inscrit": _unregistered,
    "personne": lambda _: None,
}


@pytest.fixture(scope="module")
def walkers(world: PortalWorld) -> Iterator[dict[str, Walker]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(Walker(world, make(world))) for name, make in PAIRS.items()}


@pytest.fixture(scope="module")
def keys(world: PortalWorld) -> list[str]:
    """What exists, and is nobody's of the strangers: rows of every table, and a form of the administratrice."""
    kept = world.ra.brouillons.begin(caller(world, world.client("dr-leroux")), GenreBrouillon.DEMANDE, {})
    return [kept.id, *some_keys(world.db)]


def caller(world: PortalWorld, pair: Pair | None) -> Caller:
    """Whom the authority sees behind the certificate; AccessError for nobody."""
    return world.ra.acteurs.identify(None if pair is None else pair.leaf().public_bytes(Encoding.DER))


def roles(world: PortalWorld, pair: Pair | None) -> set[str]:
    """Which doors open to him, as the authority itself says."""
    try:
        known = caller(world, pair)
    except AccessError:
        return {"public"}
    acteurs, acteur = world.ra.acteurs, known.acteur
    held = {
        "offre": acteurs.offres(acteur),
        "administrator": acteurs.allowed_structures(acteur),
        "tiers": acteurs.may_act_for_others(acteur),
        "operateur": world.here.exploitation.may_operate(known),
    }
    return {"public", "holder", *(role for role, has in held.items() if has)}


def is_turned_away(answer: Answer) -> bool:
    """Refused at the door, or sent to a page where one shows who one is."""
    if answer.status in {302, 303}:
        return ROWS.get(("GET", urlsplit(answer.headers["location"]).path)) == "public"
    return answer.status == 403


def acts(answer: Answer) -> list[str]:
    """Where the forms of a page are sent that do something."""
    forms = re.findall(r"<form[^>]*method=\"post\"[^>]*", answer.text)
    targets = {found[1] if (found := re.search(r'action="([^"]*)"', form)) else "" for form in forms}
    return sorted(targets - OF_A_SESSION)


def test_every_route_has_its_row_and_every_row_its_route(world: PortalWorld) -> None:
    assert set(routes(world.app)) == set(ROWS)


@pytest.mark.long
@pytest.mark.parametrize("name", PAIRS)
def test_a_page_opens_to_those_it_is_for(world: PortalWorld, walkers: dict[str, Walker], name: str) -> None:
    walker = walkers[name]
    held, before = roles(world, walker.pair), content_of(world.db)
    assert ("holder" in held) == (name in KNOWN)
    for path in GETS:
        who, answer = ROWS["GET", path], walker.ask("GET", filled(path, MISSING))
        check(answer, path)
        if who == "public":
            # Where something is missing, the page says so: no certificate (poste), no Pro Santé Connect here.
            assert answer.status in {200, 303, 403, 404}, (path, answer.status)
        elif "holder" not in held:
            assert is_turned_away(answer), (path, answer.status)
        elif who in held:
            # Pages of the operators' room name their object in the query, and are nothing without.
            expected = {404, 409} if has_parameter(path) else {200, 303, 422, *([404] if who == "operateur" else [])}
            assert answer.status in expected, (path, answer.status)
        elif who == "offre":
            assert answer.status == 403 or acts(answer) == [], path
        else:
            assert answer.status in {403, 404}, (path, answer.status)
    assert content_of(world.db) == before, "a page that is only looked at changes nothing"


@pytest.mark.long
@pytest.mark.parametrize("name", PAIRS)
def test_a_form_that_is_not_of_this_session_does_nothing(
    world: PortalWorld, walkers: dict[str, Walker], name: str
) -> None:
    walker = walkers[name]
    held, before = roles(world, walker.pair), content_of(world.db)
    for path in POSTS:
        who, target = ROWS["POST", path], filled(path, MISSING)
        for origin in (None, "null", "https://evil.example", world.url.replace("https", "http")):
            answer = walker.ask("POST", target, origin=origin)
            check(answer, path)
            assert answer.status == 403 or path in OF_ANOTHER_SERVER, (path, origin)
        answer = walker.own("POST", target)
        check(answer, path)
        if path not in OF_A_SESSION:
            assert answer.status == 303 or 400 <= answer.status < 500, (path, answer.status)
        if who not in held:
            assert is_turned_away(answer) or who == "offre" or answer.status == 404, (path, answer.status)
    assert content_of(world.db) == before


@pytest.mark.long
@pytest.mark.parametrize("name", NOBODY)
def test_nothing_is_read_for_nobody(world: PortalWorld, walkers: dict[str, Walker], name: str) -> None:
    """The authority looks up the certificate, and none of what stands behind the door."""
    walker = walkers[name]
    with statements(world.db.engine) as of_the_door:
        walker.ask("GET", "/rien")
    for path in GETS:
        if ROWS["GET", path] == "public":
            continue
        with statements(world.db.engine) as sent:
            answer = walker.ask("GET", filled(path, "1"))
        assert sent == of_the_door, path
        assert not answer.is_page or "ACACIAS" not in answer.text, path


@pytest.mark.long
def test_who_has_no_session_at_the_door_without_certificates_is_asked_to_log_in(
    world: PortalWorld, tmp_path: Path
) -> None:
    with (
        served_doors(world, tmp_path, portes=(Porte.CONNEXION,)) as portes,
        Walker(world, None, portes.connexion) as walker,
    ):
        before = content_of(world.db)
        for (method, path), who in sorted(ROWS.items()):
            if who == "public":
                continue
            with statements(world.db.engine) as sent:
                answer = walker.own(method, filled(path, "1"))
            check(answer, path)
            assert sent == [], path
            if method == "GET":
                assert answer.status == 303, path
                assert answer.headers["location"] == f"/connexion?suite={quote(filled(path, '1'), safe='/')}"
            else:
                assert answer.status == 403, path
        assert content_of(world.db) == before


@pytest.mark.long
def test_what_is_asked_for_is_there_for_whom_it_belongs_to(walkers: dict[str, Walker], keys: list[str]) -> None:
    # Without this one, the next would also pass on addresses that name nothing.
    asked = (filled(path, key) for path in GETS if has_parameter(path) for key in keys)
    assert any(walkers["administratrice"].ask("GET", path).status == 200 for path in asked)


@pytest.mark.long
@pytest.mark.parametrize("name", STRANGERS)
def test_what_exists_looks_to_strangers_like_what_does_not(
    world: PortalWorld, walkers: dict[str, Walker], keys: list[str], name: str
) -> None:
    """One of them tries every key, and each of the others two: there are many routes, and they ask the same rules."""
    aside = set() if name == STRANGERS[0] else OF_ENTERING
    walker, before = walkers[name], content_of(world.db, aside)
    body = f"csrf_token={quote(walker.token())}&confirmation=y"
    for method, path in sorted(row for row in ROWS if has_parameter(row[1])):
        missing = walker.own(method, filled(path, MISSING), body)
        assert missing.status in {400, 403, 404, 422}, (method, path, missing.status)
        for key in keys if name == STRANGERS[0] else keys[:2]:
            answer = walker.own(method, filled(path, key), body)
            check(answer, path)
            assert answer.status == missing.status, (method, path, key, answer.status)
            assert lasting(answer.text) == lasting(missing.text.replace(MISSING, key)), (method, path, key)
    assert content_of(world.db, aside) == before


@pytest.mark.long
@pytest.mark.parametrize(
    "method", ["HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "DELETE", "PROPFIND", "CONNECT", "RIEN"]
)
def test_other_methods_have_an_answer_and_do_nothing(
    world: PortalWorld, walkers: dict[str, Walker], method: str
) -> None:
    before = content_of(world.db)
    for name in ("administratrice", "personne"):
        walker = walkers[name]
        paths = sorted({path for _, path in ROWS} - {"/static"})
        for path in paths if method == "HEAD" else paths[::5]:
            target = filled(path, MISSING)
            answer = walker.own(method, target)
            check(answer, path)
            if method == "HEAD" and ("GET", path) in ROWS:
                shown = walker.ask("GET", target)
                assert (answer.status, answer.text) == (shown.status, ""), path
                assert answer.headers["content-type"] == shown.headers["content-type"], path
            else:
                assert answer.status in {400, 403, 404, 405}, (path, answer.status)
    assert content_of(world.db) == before


ODD = (
    "0", "-1", "9223372036854775808", "9" * 5000, "%00", "%0d%0aSet-Cookie:a=b", "%C2%B2", "%D9%A1", "../1", "..%2f1",
    "%2e%2e%2f%2e%2e%2fapp.py", "%3Cscript%3E", "%",
)  # fmt: skip
ODDER = (
    "+1", "1.0", "1e3", "0x1", "9223372036854775807", "1%00", "%EF%BC%91", "%E2%80%AE1", "%FF%FE", "%20", "1%20", "..",
    "%2e%2e", "..%5c1", "1;a=b", "1'--", "%27%20OR%201=1--", "{{7*7}}", "%257B", "%zz", "*", "null", "None", "~root",
    "a" * 3000,
)  # fmt: skip
"""For one route of each family: what reads its parameter is the same for all of them."""


@pytest.mark.long
def test_odd_addresses_are_refused_like_what_does_not_exist(world: PortalWorld, walkers: dict[str, Walker]) -> None:
    walker, before = walkers["administratrice"], content_of(world.db)
    families: set[str] = set()
    for method, path in sorted(row for row in ROWS if has_parameter(row[1])):
        family = path.split("/")[1]
        for value in ODD if family in families else ODD + ODDER:
            answer = walker.own(method, filled(path, value))
            assert answer.status in {303, 400, 403, 404, 405, 409, 414, 422, 431}, (method, path, value, answer.status)
            assert "<script>" not in answer.text, (path, value)
            assert "a" not in walker.cookies, (path, value)
        families.add(family)
    assert content_of(world.db) == before


@pytest.mark.long
@pytest.mark.parametrize("name", ["administratrice", "opératrice", "personne"])
def test_odd_queries_and_forms_crash_nothing(world: PortalWorld, walkers: dict[str, Walker], name: str) -> None:
    """Each field of the forms that are open to him, with what no browser would write in it."""
    walker, before = walkers[name], content_of(world.db)
    held = roles(world, walker.pair) - ({"holder"} if name == "opératrice" else set())
    for path in [path for path in GETS if not has_parameter(path) and ROWS["GET", path] in held]:
        fields = sorted(set(re.findall(r'name="(\w+)"', walker.ask("GET", path).text))) or ["a"]
        for value in ("", "%00", "9" * 200, "-1", "%FF", "%D9%A1", "%3Cscript%3E", "2026-02-31"):
            query = "&".join(f"{field}={value}&{field}={value}" for field in fields)
            answer = walker.ask("GET", f"{path}?{query}")
            check(answer, path)
            assert "<script>" not in answer.text, path
            if ("POST", path) in ROWS:
                check(walker.own("POST", path, query), path)
    assert content_of(world.db) == before
