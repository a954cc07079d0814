"""Pro Santé Connect attacked: every claim that is not as it must be, tokens of others, answers of other logins."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse
from structlog.testing import capture_logs

from portal_ihm.login.psc import provider as provider_module
from registration.sessions.values import Porte
from tests.integration.portal.doors import all_rows
from tests.integration.portal.doors.connexion import OF_PSC
from tests.integration.portal.portes import CLIENT_ID, Portes, served_doors
from tests.integration.portal.psc.forger import EVENT, SUB, Forger, elliptic_key, forging, other_key
from tests.integration.portal.walker import filled, routes
from tests.integration.portal.world import PortalWorld
from tests.support.acteurs import MEDECIN

pytestmark = pytest.mark.long

COOKIE = "__Host-portail-connexion"
UNDER_WAY = "__Host-portail-psc"


@pytest.fixture(scope="module")
def served(world: PortalWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Portes, Forger]]:
    made: list[Forger] = []
    folder = tmp_path_factory.mktemp("forger")
    with served_doors(
        world, folder, start_issuer=lambda portes: forging(portes, made), portes=(Porte.CONNEXION,)
    ) as portes:
        yield portes, made[0]


@pytest.fixture
def portes(served: tuple[Portes, Forger]) -> Portes:
    return served[0]


@pytest.fixture
def forger(served: tuple[Portes, Forger], monkeypatch: pytest.MonkeyPatch) -> Forger:
    # Each test may try an unknown key, and fail.
    monkeypatch.setattr(provider_module, "_AGAIN_SECONDS", 0.0)
    served[1].reset()
    return served[1]


def is_in(portes: Portes, session: requests.Session) -> bool:
    return "LEROUX CAMILLE" in session.get(portes.connexion, timeout=30).text


def assert_refused(portes: Portes, session: requests.Session, page: requests.Response) -> None:
    assert (page.status_code, "ERR_IHM_002" in page.text) == (403, True), page.text
    assert COOKIE not in session.cookies
    assert UNDER_WAY not in session.cookies, "a login that failed is over"
    assert not is_in(portes, session)


def test_the_honest_one_comes_in_and_what_was_sent_for_it(portes: Portes, forger: Forger) -> None:
    session = portes.visitor()
    answer = forger.log_in(session)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert is_in(portes, session)
    (asked,) = forger.asked
    assert asked["grant_type"] == "authorization_code"
    assert asked["redirect_uri"] == f"{portes.connexion}/psc/retour"
    assert len(asked["code_verifier"]) == 43
    assert asked["authorization"].startswith("Basic ")
    assert "client_secret" not in asked
    cookie = next(field for field in answer.raw.headers.getlist("set-cookie") if field.startswith(COOKIE))
    assert {"path=/", "secure", "httponly", "samesite=lax"} <= {part.strip() for part in cookie.split(";")}


def test_the_request_carries_all_that_binds_the_answer(portes: Portes, forger: Forger) -> None:
    begun = portes.visitor().get(f"{portes.connexion}/psc/connexion", allow_redirects=False, timeout=30)
    location = begun.headers["location"]
    assert location.startswith(f"{forger.address}/authorize?")
    for word in ("response_type=code", "code_challenge_method=S256", "code_challenge=", "state=", "nonce=",
                 "acr_values=eidas1", "scope=openid+scope_all", f"client_id={CLIENT_ID}"):  # fmt: skip
        assert word in location


def without(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda claims: claims.pop(name)


def put(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda claims: claims.update(changes)


NOW = int(time.time())


@pytest.mark.parametrize(
    "change",
    [
        put(nonce="another"), without("nonce"), put(nonce=None), put(nonce=["a"]),
        put(acr="eidas0"), without("acr"), put(acr=""), put(acr=["eidas1"]), put(acr=1),
        put(aud="another"), put(aud=["another"]), without("aud"), put(aud=[CLIENT_ID, "another"]),
        put(azp="another"), put(aud=[]), put(aud=None),
        put(iss="https://evil.example"), without("iss"), put(iss=""),
        put(exp=NOW - 600), without("exp"), put(exp="2099"), put(exp=None),
        put(iat=NOW + 3600), without("iat"), put(iat=NOW - 86_400), put(iat="now"),
        put(nbf=NOW + 3600),
        without("sub"), put(sub=""), put(sub=7), put(sub=None), put(sub=f"f:550dc1c8-d97b-4b1e-ac8c-8eb4471cf9dd:{MEDECIN}1"),
    ],
)  # fmt: skip
def test_an_id_token_that_is_not_for_this_login_lets_nobody_in(
    portes: Portes, forger: Forger, change: Callable[[dict[str, Any]], None]
) -> None:
    forger.change_claims = change
    session = portes.visitor()
    assert_refused(portes, session, forger.log_in(session))


@pytest.mark.parametrize(
    "sign",
    [
        lambda forger, claims: forger.unsigned(claims),
        lambda forger, claims: forger.by_public_key(claims),
        lambda forger, claims: forger.signed(claims, key=other_key()),
        lambda forger, claims: forger.signed(claims, kid="k9"),
        lambda forger, claims: forger.signed(claims, "RS512"),
        lambda forger, claims: forger.signed(claims, "ES256", elliptic_key(), kid="k2"),
        lambda forger, claims: forger.signed(claims)[:-8] + "AAAAAAAA",
        lambda forger, claims: forger.signed(claims).rpartition(".")[0] + ".",
        lambda _forger, _claims: "",
        lambda _forger, _claims: "a.b.c",
        lambda _forger, _claims: "é",
        lambda forger, claims: forger.signed({**claims, "x": "y" * 40_000}),
    ],
)  # fmt: skip
def test_a_token_that_the_issuer_did_not_sign_lets_nobody_in(
    portes: Portes, forger: Forger, sign: Callable[[Forger, dict[str, Any]], str]
) -> None:
    forger.sign = lambda claims: sign(forger, claims)
    session = portes.visitor()
    assert_refused(portes, session, forger.log_in(session))


@pytest.mark.parametrize("answer", [{"state": "another"}, {"state": ""}, {"code": ""}, {"code": "x" * 5_000},
                                    {"iss": "https://evil.example"}, {"error": "access_denied"}])  # fmt: skip
def test_an_answer_of_another_login_lets_nobody_in(portes: Portes, forger: Forger, answer: dict[str, str]) -> None:
    session = portes.visitor()
    assert_refused(portes, session, forger.log_in(session, **answer))
    assert forger.asked == [], "no code was sent anywhere"


def test_an_answer_without_a_login_under_way_lets_nobody_in(portes: Portes, forger: Forger) -> None:
    """Login CSRF: somebody else's answer, in a browser that has asked for nothing, or for something else."""
    other = portes.visitor()
    begun = other.get(f"{portes.connexion}/psc/connexion", allow_redirects=False, timeout=30)
    state = begun.headers["location"].partition("state=")[2].partition("&")[0]
    for cookie in (None, "x", "e30.x.y", other.cookies[UNDER_WAY][:-2]):
        session = portes.visitor()
        if cookie is not None:
            session.cookies.set(UNDER_WAY, cookie)
        page = session.get(
            f"{portes.connexion}/psc/retour", params={"code": "c", "state": state}, allow_redirects=False, timeout=30
        )
        assert (page.status_code, "ERR_IHM_002" in page.text) == (403, True)
        assert not is_in(portes, session)
    assert forger.asked == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (put(sub="f:550dc1c8-d97b-4b1e-ac8c-8eb4471cf9dd:899700990037"), "ERR_IHM_002"),
        (without("sub"), "ERR_IHM_002"),
        (without("SubjectNameID"), "ERR_IHM_002"),
        (put(SubjectNameID=7), "ERR_IHM_002"),
        (put(SubjectRole="10"), "ERR_IHM_002"),
        (put(SubjectRefPro=[]), "ERR_IHM_002"),
        (put(SubjectNameID="899700990037"), "ERR_WS_027"),
        (put(SubjectNameID=""), "ERR_WS_027"),
    ],
)
def test_what_the_issuer_says_of_somebody_else_lets_nobody_in(
    portes: Portes, forger: Forger, change: Callable[[dict[str, Any]], None], code: str
) -> None:
    forger.change_userinfo = change
    session = portes.visitor()
    page = forger.log_in(session)
    assert (page.status_code, code in page.text) == (403, True), page.text
    assert COOKIE not in session.cookies


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (JSONResponse({"error": "invalid_grant"}, status_code=400), 403),
        (PlainTextResponse("no", status_code=500), 503),
        (PlainTextResponse("no"), 503),
        (RedirectResponse("https://localhost:1/token", status_code=307), 503),
        (JSONResponse({"access_token": "a", "token_type": "Bearer"}), 403),
        (JSONResponse({"access_token": "a", "token_type": "Bearer", "id_token": {"a": 1}}), 403),
    ],
)
def test_a_token_endpoint_that_gives_none(portes: Portes, forger: Forger, answer: Any, status: int) -> None:
    forger.token_answer = answer
    session = portes.visitor()
    page = forger.log_in(session)
    assert (page.status_code, "ERR_IHM_002" in page.text) == (status, True)
    assert COOKIE not in session.cookies


@pytest.mark.parametrize(
    "change",
    [
        put(issuer="https://evil.example"), without("issuer"), without("jwks_uri"),
        put(token_endpoint="http://localhost:1/token"), put(userinfo_endpoint="file:///etc/passwd"),
        put(jwks_uri=7),
    ],
)  # fmt: skip
def test_a_description_that_is_not_the_issuers_own_is_not_followed(
    world: PortalWorld, tmp_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    made: list[Forger] = []
    with served_doors(
        world, tmp_path, start_issuer=lambda portes: forging(portes, made), portes=(Porte.CONNEXION,)
    ) as elsewhere:
        made[0].change_discovery = change
        for _ in range(3):
            page = elsewhere.visitor().get(f"{elsewhere.connexion}/psc/connexion", allow_redirects=False, timeout=30)
            assert (page.status_code, "retry-after" in page.headers) == (503, True)
        assert made[0].metadata_asked == 1, "one that is away is not asked again and again"


def test_userinfo_is_not_fetched_from_where_it_leads(world: PortalWorld, tmp_path: Path) -> None:
    made: list[Forger] = []
    with served_doors(
        world, tmp_path, start_issuer=lambda portes: forging(portes, made), portes=(Porte.CONNEXION,)
    ) as elsewhere:
        made[0].change_discovery = put(userinfo_endpoint=f"{made[0].address}/elsewhere")
        session = elsewhere.visitor()
        page = made[0].log_in(session)
        assert (page.status_code, COOKIE in session.cookies) == (503, False)


def test_an_issuer_that_changes_its_keys_is_followed(portes: Portes, forger: Forger) -> None:
    former = forger.keys
    try:
        forger.keys = [elliptic_key()]
        forger.sign = lambda claims: forger.signed(claims, "ES256", kid="k2")
        session = portes.visitor()
        assert forger.log_in(session).status_code == 303
        assert is_in(portes, session)
    finally:
        forger.keys = former


def test_who_logs_in_anew_gets_a_session_that_nobody_knew(portes: Portes, forger: Forger) -> None:
    session = portes.visitor()
    forger.log_in(session)
    first = session.cookies[COOKIE]
    forger.log_in(session)
    assert session.cookies[COOKIE] != first
    thief = portes.visitor()
    thief.cookies.set(COOKIE, first)
    assert not is_in(portes, thief), "the former one is over"


def test_no_secret_and_no_token_is_in_the_log(portes: Portes, forger: Forger) -> None:
    forger.change_claims = put(nonce="another")
    with capture_logs() as logs:
        forger.log_in(portes.visitor())
    told = repr(logs)
    assert "claim refused: nonce" in told
    for secret in (portes.secret_file.read_text(), SUB, forger.nonce):
        assert secret not in told


def logout(portes: Portes, token: str | None, **headers: str) -> requests.Response:
    data = {} if token is None else {"logout_token": token}
    return portes.visitor().post(f"{portes.connexion}/psc/fin-de-session", data=data, headers=headers, timeout=30)


def test_a_logout_token_ends_the_session_that_it_names(portes: Portes, forger: Forger) -> None:
    session = portes.visitor()
    forger.log_in(session)
    token = forger.signed(forger.logout_claims())
    answer = logout(portes, token)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert not is_in(portes, session)
    forger.log_in(session)
    assert logout(portes, token).status_code == 400, "a token serves once"
    assert is_in(portes, session)
    of_account = forger.logout_claims()
    del of_account["sid"]
    assert logout(portes, forger.signed(of_account)).status_code == 200
    assert not is_in(portes, session)


@pytest.mark.parametrize(
    "change",
    [
        put(iss="https://evil.example"), put(aud="another"), without("aud"), without("iat"), put(iat=NOW - 86_400),
        put(iat=NOW + 3600), put(exp=NOW - 600), without("jti"), put(jti=""), put(jti=7), put(jti="x" * 300),
        without("events"), put(events={}), put(events=[EVENT]), put(events={EVENT: "x"}), put(nonce="n"),
        lambda claims: (claims.pop("sid"), claims.pop("sub")), put(sid=7),
    ],
)  # fmt: skip
def test_a_logout_token_that_is_not_one_ends_nothing(
    portes: Portes, forger: Forger, change: Callable[[dict[str, Any]], None]
) -> None:
    session = portes.visitor()
    forger.log_in(session)
    claims = forger.logout_claims()
    change(claims)
    assert logout(portes, forger.signed(claims)).status_code == 400
    assert is_in(portes, session)


@pytest.mark.parametrize("change", [put(sid="another"), put(sub="another"), put(sid=None, sub="another")])
def test_a_logout_of_another_session_or_account_leaves_this_one(
    portes: Portes, forger: Forger, change: Callable[[dict[str, Any]], None]
) -> None:
    session = portes.visitor()
    forger.log_in(session)
    claims = forger.logout_claims()
    change(claims)
    assert logout(portes, forger.signed(claims)).status_code == 200
    assert is_in(portes, session)


def test_a_forged_logout_token_ends_nothing(portes: Portes, forger: Forger) -> None:
    session = portes.visitor()
    forger.log_in(session)
    claims = forger.logout_claims()
    id_token = forger.signed(forger.claims())
    for token in (None, "", "a.b.c", forger.unsigned(claims), forger.by_public_key(claims), id_token,
                  forger.signed(claims, key=other_key()), forger.signed(claims)[:-8] + "AAAAAAAA"):  # fmt: skip
        assert logout(portes, token).status_code == 400
    assert logout(portes, "x" * 300_000).status_code in {400, 413}
    assert is_in(portes, session)


def test_every_route_of_this_door_asks_who_it_is_but_the_public_ones(portes: Portes, forger: Forger) -> None:
    """The rows of the other doors hold here too: without a session nothing else opens, with one who may does."""
    rows = {**all_rows(), **OF_PSC}
    there = set(routes(portes.apps[Porte.CONNEXION]))
    assert there == rows.keys() - {("GET", "/poste/verification")}, "no certificate is asked for here"
    nobody, somebody = portes.visitor(), portes.visitor()
    forger.log_in(somebody)
    for method, path in sorted(there):
        if rows[method, path] == "public" or path == "/static":
            continue
        address = portes.connexion + filled(path, "1")
        answer = nobody.request(
            method, address, headers={"Origin": portes.connexion}, allow_redirects=False, timeout=30
        )
        if method == "GET":
            assert (answer.status_code, answer.headers["location"][:17]) == (303, "/connexion?suite="), path
            assert "/connexion" not in somebody.get(address, timeout=30).url, path
        else:
            assert (answer.status_code, "Votre session est terminée" in answer.text) == (403, True), path
        assert "set-cookie" not in answer.headers
