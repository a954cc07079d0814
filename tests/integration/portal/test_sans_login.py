"""The site without login under attack, on both databases: what it tells, what it takes twice, whom it lets wait."""

from __future__ import annotations

import io
import re
import wave
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

from portal_ihm.sans_login.app import build_site
from portal_ihm.sans_login.captcha import ALPHABET, VOICES, Captchas
from registration.authority.revocations import RevocationsParCode
from registration.errors import Code, IgcError
from registration.rules.code_tries import TryPolicy
from registration.vocabulary import Plateforme
from storage import tables
from storage.database import Database
from tests.integration.portal.site import SECRET, Visitor, alert, hidden, served
from tests.support.databases import count_rows
from tests.support.hierarchies import Hierarchy
from tests.support.revoking import active, certificat, revocation_form
from tests.support.world import World, make_world

pytestmark = pytest.mark.long

LIMITED = IgcError(Code.CODE_REFUSED).text


@pytest.fixture
def little(database: Database, hierarchy: Hierarchy) -> World:
    return make_world(database, hierarchy)


@pytest.fixture
def visitor(little: World) -> Iterator[Visitor]:
    with served(little) as somebody:
        yield somebody


def plain(page: requests.Response) -> bytes:
    """A page without what is new each time: the seals, all of one length, and the reference of a log line."""
    return re.sub(rb"gAAAA[A-Za-z0-9_=-]+", b"SEAL", page.content)


def test_the_road_from_the_home_to_the_end(little: World, visitor: Visitor) -> None:
    numero = active(little)
    assert visitor.get("/").status_code == 200
    page = visitor.prove(little, numero)
    assert page.status_code == 200
    assert "Dossier patient" in page.text
    end = visitor.confirm(hidden(page, "preuve"))
    assert end.status_code == 200
    assert "Le certificat est révoqué" in end.text
    assert certificat(little, numero).raison_crl == "cessationOfOperation"


# --- no oracle ---


def test_every_wrong_input_has_the_same_page_octet_by_octet(
    little: World, visitor: Visitor, production_hierarchy: Hierarchy
) -> None:
    production = make_world(little.db, production_hierarchy, Plateforme.PRODUCTION)
    good, revoked = active(little, key=1), active(little, key=2)
    (waiting,) = little.numeros(little.issued(little.form(key=3), reference="a-retirer"))
    little.ra.revocations.revoke(little.origin(), revocation_form(revoked))
    elsewhere = active(production, key=5)
    pages = {}
    for rank, (name, numero, changes) in enumerate(
        (
            ("code", good, {"code": "Sesame-ouvre-toi-2"}),
            ("serial", good, {"serie": "0f" * 16}),
            ("authority", good, {}),
            ("not withdrawn", waiting, {}),
            ("revoked", revoked, {}),
            ("other plateforme", elsewhere, {}),
        )
    ):
        source = production if name == "other plateforme" else little
        somebody = replace(visitor, address=f"192.0.2.{10 + rank}")
        # One authority for all in what is shown again, and serials of one length.
        wanted = little.par_code.autorites[0] if name == "authority" else None
        made = {**changes, "autorite": wanted} if wanted else changes
        answer = somebody.prove(source, numero, **made)
        assert LIMITED in answer.text.replace("&#39;", "'"), name
        pages[name] = answer
    bodies = {
        name: re.sub(rb'value="[0-9a-f]{32}"', b"SERIAL", re.sub(rb"<option.*?</option>", b"OPTION", plain(page)))
        for name, page in pages.items()
    }
    assert set(bodies.values()) == {bodies["code"]}
    assert len({page.status_code for page in pages.values()}) == 1
    assert len({tuple(sorted(set(page.headers) - {"date"})) for page in pages.values()}) == 1
    same = {name: len(page.content) for name, page in pages.items() if name in {"code", "serial", "not withdrawn"}}
    assert len(set(same.values())) == 1, same


def test_the_code_is_never_sent_back(little: World, visitor: Visitor) -> None:
    page = visitor.prove(little, active(little), code="Mot-de-passe-tres-9")
    assert "Mot-de-passe-tres-9" not in page.text


def test_what_was_typed_comes_back_but_the_code(little: World, visitor: Visitor) -> None:
    page = visitor.prove(little, active(little), code="faux", serie="AB:CD")
    assert 'value="AB:CD"' in page.text
    assert "selected" in page.text


# --- captcha ---


def test_a_wrong_copy_is_told_by_its_own_code_and_nothing_is_tried(little: World, visitor: Visitor) -> None:
    page = visitor.prove(little, active(little), copie="ZZZZZZ")
    assert Code.CAPTCHA_REFUSED.value in alert(page)
    assert count_rows(little.db)["essai_code"] == 0


@pytest.mark.parametrize("copied", ["lower", " s p a c e d "])
def test_a_copy_may_be_small_and_spaced(little: World, visitor: Visitor, copied: str) -> None:
    defi, copie = visitor.challenge()
    typed = copie.lower() if copied == "lower" else " ".join(copie)
    assert visitor.prove(little, active(little), defi=defi, copie=typed).status_code == 200


def test_a_captcha_that_was_solved_does_not_serve_again(little: World, visitor: Visitor) -> None:
    numero = active(little)
    defi, copie = visitor.challenge()
    assert Code.CODE_REFUSED.value in alert(visitor.prove(little, numero, defi=defi, copie=copie, code="faux"))
    assert Code.CAPTCHA_REFUSED.value in alert(visitor.prove(little, numero, defi=defi, copie=copie))


def test_a_captcha_that_was_missed_cannot_be_tried_again(little: World, visitor: Visitor) -> None:
    numero = active(little)
    defi, copie = visitor.challenge()
    visitor.prove(little, numero, defi=defi, copie="ZZZZZZ")
    assert Code.CAPTCHA_REFUSED.value in alert(visitor.prove(little, numero, defi=defi, copie=copie))


def test_a_captcha_is_for_its_line_for_ten_minutes_and_of_this_site(little: World, visitor: Visitor) -> None:
    numero = active(little)
    other = replace(visitor, address="192.0.2.2")
    defi, copie = visitor.challenge()
    assert Code.CAPTCHA_REFUSED.value in alert(other.prove(little, numero, defi=defi, copie=copie))
    assert other.get(f"/captcha/image?defi={defi}").status_code == 404
    foreign = Captchas(bytes(32)).make("x", little.clock())
    assert Code.CAPTCHA_REFUSED.value in alert(visitor.prove(little, numero, defi=foreign, copie="HHHHHH"))
    little.clock.advance(minutes=11)
    assert Code.CAPTCHA_REFUSED.value in alert(visitor.prove(little, numero, defi=defi, copie=copie))
    defi, copie = visitor.challenge()
    little.clock.advance(minutes=-30)  # sealed in the future
    assert Code.CAPTCHA_REFUSED.value in alert(visitor.prove(little, numero, defi=defi, copie=copie))


@pytest.mark.parametrize("defi", ["", "gAAAA", "é", "\x00", "A" * 5000, "gAAAAABp" + "A" * 120])
def test_a_token_that_is_none_is_refused(little: World, visitor: Visitor, defi: str) -> None:
    assert Code.CAPTCHA_REFUSED.value in alert(visitor.prove(little, active(little), defi=defi))


def test_pages_can_be_asked_for_without_end_and_nothing_is_stored(little: World, visitor: Visitor) -> None:
    before = count_rows(little.db)
    for _ in range(20):
        visitor.get("/revoquer")
    assert count_rows(little.db) == before


def test_the_picture_is_one_and_does_not_tell_its_characters(visitor: Visitor) -> None:
    defi, copie = visitor.challenge()
    answer = visitor.get(f"/captcha/image?defi={defi}")
    assert answer.headers["content-type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG")
    assert copie.encode() not in answer.content
    assert visitor.get(f"/captcha/image?defi={defi}").content == answer.content
    assert answer.headers["cache-control"] == "no-store"


def test_the_sound_is_one_and_can_be_asked_for_in_parts(visitor: Visitor) -> None:
    defi, _ = visitor.challenge()
    whole = visitor.get(f"/captcha/son?defi={defi}")
    with wave.open(io.BytesIO(whole.content)) as heard:
        assert (heard.getframerate(), heard.getnchannels()) == (8000, 1)
        assert heard.getnframes() > 6 * 8000
    part = visitor.get(f"/captcha/son?defi={defi}", Range="bytes=100-199")
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
    for asked in ("bytes=5-2", "bytes=9999999-", "bytes=-5", "bytes=0-1,4-5", "lines=1-2"):
        assert visitor.get(f"/captcha/son?defi={defi}", Range=asked).content == whole.content


def test_every_character_has_its_voices() -> None:
    assert {folder.name for folder in VOICES.iterdir()} == set(ALPHABET)
    assert all(len(list(folder.glob("*.wav"))) == 2 for folder in VOICES.iterdir())


def test_the_characters_are_drawn_from_the_alphabet(visitor: Visitor) -> None:
    drawn = "".join(visitor.challenge()[1] for _ in range(30))
    assert set(drawn) <= set(ALPHABET)
    assert len(set(drawn)) > len(ALPHABET) / 2


# --- the second step ---


def test_the_second_step_serves_once(little: World, visitor: Visitor) -> None:
    preuve = visitor.proof(little, active(little))
    assert visitor.confirm(preuve).status_code == 200
    again = visitor.confirm(preuve)
    assert again.status_code == 409
    assert Code.PROOF_SPENT.value in alert(again)
    assert count_rows(little.db)["demande_revocation"] == 1


def test_the_second_step_is_for_its_line_and_ends(little: World, visitor: Visitor) -> None:
    numero = active(little)
    preuve = visitor.proof(little, numero)
    assert Code.PROOF_SPENT.value in alert(replace(visitor, address="192.0.2.2").confirm(preuve))
    little.clock.advance(minutes=11)
    assert Code.PROOF_SPENT.value in alert(visitor.confirm(preuve))
    assert certificat(little, numero).revoque_le is None


def test_no_other_seal_opens_the_second_step(little: World, visitor: Visitor) -> None:
    defi, _ = visitor.challenge()
    for seal in (defi, "", "x" * 6000, visitor.proof(little, active(little))[:-2]):
        assert Code.PROOF_SPENT.value in alert(visitor.confirm(seal))


def test_fields_that_name_another_certificate_change_nothing(little: World, visitor: Visitor) -> None:
    mine, other = active(little, key=1), active(little, key=2)
    preuve = visitor.proof(little, mine)
    visitor.confirm(preuve, numero=str(other), numeroProduit=str(other), serie=certificat(little, other).serial)
    assert certificat(little, other).revoque_le is None
    assert certificat(little, mine).revoque_le is not None


def test_what_is_wrong_stands_at_its_field_and_the_step_goes_on(little: World, visitor: Visitor) -> None:
    numero = active(little)
    preuve = visitor.proof(little, numero)
    for changes, told in (
        ({"motif": None}, "Choisissez un motif"),
        ({"motif": "AUTRE"}, "ERR_WS_037"),
        ({"motif": "VOL", "autre_motif": "texte"}, "ERR_WS_036"),
        ({"motif": "PERTE", "quand": "differee", "date_effet": "2026-03-20"}, "révoqué immédiatement"),
        ({"quand": "differee"}, "Choisissez la date d'effet"),
        ({"date_effet": "2026-03-20"}, "Une révocation immédiate n'a pas d'autre date"),
        ({"quand": "differee", "date_effet": "2026-03-01"}, "au plus tôt demain"),
        ({"email": "personne"}, "ERR_IHM_057"),
        ({"confirmation": None}, "ERR_WS_060"),
    ):
        page = visitor.confirm(preuve, **changes)
        assert page.status_code == 422, changes
        assert told.lower() in alert(page).lower(), (changes, alert(page))
    late = visitor.confirm(preuve, quand="differee", date_effet="2199-01-01")
    assert late.status_code == 409
    assert "ERR_WS_037" in alert(late)
    assert certificat(little, numero).revoque_le is None
    assert visitor.confirm(preuve).status_code == 200


def test_a_day_is_heeded(little: World, visitor: Visitor) -> None:
    numero = active(little)
    page = visitor.confirm(visitor.proof(little, numero), quand="differee", date_effet="20/03/2026")
    assert "20/03/2026" in page.text
    assert certificat(little, numero).revoque_le is None
    assert "déjà prévue le" in visitor.prove(little, numero).text


def test_while_the_plateforme_is_stopped_nothing_is_read_or_revoked(little: World, visitor: Visitor) -> None:
    numero = active(little)
    preuve = visitor.proof(little, numero)
    before = count_rows(little.db)
    with little.db.write() as session:
        session.add(tables.Arret(id=1, raison="base d'avant", constate_le=little.clock()))
    for page in (visitor.prove(little, numero), visitor.confirm(preuve)):
        assert page.status_code == 503
        assert Code.REVOCATION_STATUS_UNAVAILABLE.value in page.text
    assert count_rows(little.db) == before | {"arret": 1}
    assert certificat(little, numero).revoque_le is None


# --- tries ---


def test_the_owner_gets_through_while_many_addresses_hammer_at_his_serial(little: World, visitor: Visitor) -> None:
    numero = active(little)
    for rank in range(25):
        attacker = replace(visitor, address=f"2001:db8:{rank:x}::{rank:x}")
        attacker.prove(little, numero, code="faux")
    assert visitor.prove(little, numero).status_code == 200


def test_addresses_of_one_line_share_its_tries(little: World, visitor: Visitor) -> None:
    numero = active(little)
    codes = []
    for rank in range(6):
        somebody = replace(visitor, address=f"2001:db8::{rank:x}:1")
        codes.append(somebody.prove(little, numero, code="faux").status_code)
    assert codes == [422] * 5 + [429]
    assert replace(visitor, address="2001:db8:0:1::1").prove(little, numero, code="faux").status_code == 422


def test_what_a_visitor_says_of_his_address_is_not_believed(little: World) -> None:
    numero = active(little)
    with served(little, proxies=()) as direct:
        codes = [
            replace(direct, address=f"198.51.100.{rank}").prove(little, numero, code="faux").status_code
            for rank in range(6)
        ]
    assert codes == [422] * 5 + [429]
    with served(little, proxies=("127.0.0.1",)) as behind:
        codes = [
            replace(behind, address=f"198.51.100.{rank}, 203.0.113.9").prove(little, numero, code="faux").status_code
            for rank in range(6)
        ]
    assert codes == [422] * 5 + [429]


def test_who_has_to_wait_is_told_until_when(little: World, visitor: Visitor) -> None:
    numero = active(little)
    for _ in range(5):
        visitor.prove(little, numero, code="faux")
    page = visitor.prove(little, numero)
    assert page.status_code == 429
    assert "02/03/2026 14:00" in alert(page)


def test_a_restart_keeps_counts_seals_and_what_has_served(little: World) -> None:
    numero = active(little)
    with served(little) as before:
        for _ in range(4):
            before.prove(little, numero, code="faux")
        preuve = before.proof(little, numero)
        spent = before.proof(little, numero)
        defi, copie = before.challenge()
        before.confirm(spent, quand="differee", date_effet="2026-03-20")
    with served(little) as after:
        # Another process has another port, and so another origin; its seals are the same.
        assert Code.PROOF_SPENT.value in alert(after.confirm(spent))
        assert after.prove(little, numero, defi=defi, copie=copie, code="faux").status_code == 422
        assert after.prove(little, numero).status_code == 429
        assert after.confirm(preuve).status_code == 200


def test_a_flood_gives_hours_and_not_refusals(little: World) -> None:
    numero = active(little)
    policy = TryPolicy(per_second=1, burst=2)
    port = RevocationsParCode(little.db, little.clock, little.plateforme, little.hierarchy.chains, policy)
    with served(little, port) as visitor:
        for rank in range(5):
            replace(visitor, address=f"192.0.2.{100 + rank}").prove(little, numero, code="faux")
        assert visitor.prove(little, numero).status_code == 429
        little.clock.advance(seconds=5)
        assert visitor.prove(little, numero).status_code == 200


# --- forms of others, heads of others ---


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "", "http://localhost"])
def test_a_form_of_another_site_is_refused(little: World, visitor: Visitor, origin: str) -> None:
    preuve = visitor.proof(little, active(little))
    evil = replace(visitor, origin=origin)
    assert evil.confirm(preuve).status_code == 403
    assert evil.prove(little, active(little, key=2)).status_code == 403
    assert visitor.confirm(preuve).status_code == 200


def test_the_host_that_a_client_writes_is_nowhere_in_an_answer(little: World, visitor: Visitor) -> None:
    for path in ("/", "/revoquer", "/revoquer/confirmer", "/revoquer/", "/nulle/part", "/static/"):
        answer = visitor.get(path, Host="evil.example", **{"X-Forwarded-Host": "evil.example"})
        assert "evil" not in answer.text
        assert "evil" not in str(answer.headers)


def test_no_answer_sets_a_cookie_and_every_one_is_locked_down(little: World, visitor: Visitor) -> None:
    numero = active(little)
    answers = [
        visitor.get("/"), visitor.get("/revoquer"), visitor.get("/nulle/part"), visitor.prove(little, numero),
        visitor.prove(little, numero, code="faux"), visitor.confirm(visitor.proof(little, numero)),
    ]  # fmt: skip
    for answer in answers:
        assert "set-cookie" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "same-origin"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "media-src 'self'" in policy
        assert "<script" not in answer.text


@pytest.mark.parametrize("path", ["/suivi", "/demander", "/tiers", "/deconnexion", "/ws/lots/1.0", "/login"])
def test_nothing_of_the_portal_is_reachable(visitor: Visitor, path: str) -> None:
    assert visitor.get(path).status_code == 404
    assert visitor.post(path, {}).status_code == 404


@pytest.mark.parametrize(
    "body",
    [b"\xff" * 100, b"autorite=%FF%FE&serie=%00&code=%ED%A0%80", b"&" * 5000, b"autorite", b"a=" + b"b" * 15_000],
)
def test_odd_bodies_are_answered(little: World, visitor: Visitor, body: bytes) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert visitor.post("/revoquer", body, **kind).status_code == 422
    assert visitor.post("/revoquer/confirmer", body, **kind).status_code == 409


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/json", "text/plain; charset=utf-7"])
def test_a_body_of_another_kind_is_no_form(little: World, visitor: Visitor, kind: str) -> None:
    assert visitor.post("/revoquer", b"autorite=x", **{"Content-Type": kind}).status_code == 422


def test_a_long_body_is_refused(visitor: Visitor) -> None:
    assert visitor.post("/revoquer", {"serie": "a" * 20_000}).status_code == 413
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert visitor.post("/revoquer", iter([b"serie=", b"a" * 20_000]), **kind).status_code == 413  # in chunks


def test_hostile_texts_are_shown_and_never_run(little: World, visitor: Visitor) -> None:
    hostile = '"><script>alert(1)</script>'
    page = visitor.prove(little, active(little), serie=hostile, autorite=hostile)
    assert "<script" not in page.text
    page = visitor.confirm(
        visitor.proof(little, active(little, key=2)), motif="AUTRE", autre_motif=hostile, email=hostile
    )
    assert "<script" not in page.text


def test_the_second_step_by_its_address_leads_to_the_first(visitor: Visitor) -> None:
    answer = visitor.get("/revoquer/confirmer")
    assert (answer.status_code, answer.headers["location"]) == (303, "/revoquer")


@pytest.mark.parametrize(("taille", "chosen"), [("grande", "grande"), ("petite", "petite"), ("<x>", "normale")])
def test_the_size_of_the_text_goes_from_page_to_page(little: World, visitor: Visitor, taille: str, chosen: str) -> None:
    for page in (visitor.get(f"/revoquer?taille={taille}"), visitor.prove(little, active(little), taille=taille)):
        assert re.search(rf'value="{chosen}" id="taille-{chosen}"[^>]* checked', page.text)
        assert page.text.count(" checked") <= 2


@pytest.mark.parametrize("changes", [{"secret": bytes(31)}, {"public_url": "http://x.example"}, {"proxies": ("x",)}])
def test_an_unfit_site_is_not_built(little: World, changes: dict[str, Any]) -> None:
    good: dict[str, Any] = {"secret": SECRET, "public_url": "https://x.example", "proxies": ()}
    with pytest.raises(ValueError):
        build_site(little.par_code, little.plateforme, **good | changes)
