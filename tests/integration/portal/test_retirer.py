"""Retirer on the portal (guide §9): rules, errors at their fields, files, and who may not."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from itertools import pairwise

import pytest
import requests
from cryptography import x509
from sqlalchemy import select, update

from pki.containers.pkcs7 import read_certs_only
from registration.acteurs.administrateurs import appoint
from registration.acteurs.habilitations import Terms
from registration.errors import Code
from registration.retraits.overdue import end_overdue
from registration.values import RevocationForm
from registration.vocabulary import Canal, EtatProduit, Offre
from storage import tables
from tests.integration.portal.retiring import (
    GOOD,
    get,
    place,
    place_unsigned,
    post,
    somebody,
    token,
    withdraw,
)
from tests.integration.portal.test_tiers import select as select_tiers
from tests.integration.portal.world import XSS, PortalWorld, org_form
from tests.support.acteurs import HOPITAL, MEDECIN
from tests.support.produits import CODE

NO_SCRIPT = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'self'"
)


def shown(answer: requests.Response) -> str:
    return unescape(answer.text)


def product(world: PortalWorld, numero: int) -> str | None:
    return world.demande(numero).etat_produit


def error_at(answer: requests.Response, field: str) -> str:
    """The code at a field, empty when it has none."""
    found = re.search(rf'id="{field}-erreur">.*?\((ERR_\w+)\)', answer.text, re.DOTALL)
    return found[1] if found else ""


# --- the list ---


def test_the_list_has_what_i_asked_for_by_its_limit_and_nothing_of_others(world: PortalWorld) -> None:
    name = somebody(world)
    session = world.session(name)
    assert "Rien à retirer" in shown(get(world, session, "/retirer"))
    first, second = place(world, who=name), place(world, who=name)
    other = place(world)
    page = shown(get(world, session, "/retirer"))
    assert re.findall(r'href="/retirer/(\d+)"', page) == [str(first), str(second)]
    assert f"/retirer/{other}" not in page
    assert 'href="/retirer"' in get(world, session, "/").text, "in the menu"
    withdraw(world, session, first)
    assert re.findall(r'href="/retirer/(\d+)"', get(world, session, "/retirer").text) == [str(second)]


def test_the_list_is_looked_through(world: PortalWorld) -> None:
    name = somebody(world)
    session = world.session(name)
    numero = place(world, who=name)
    assert f"/retirer/{numero}" in get(world, session, f"/retirer?offre=ORG&structure={HOPITAL.lower()}").text
    assert "répond à ces critères" in shown(get(world, session, "/retirer?offre=PS"))
    assert "répond à ces critères" in shown(get(world, session, "/retirer?index_lot=9999"))
    for query in ("structure=%3Cb%3E", "index_lot=-1", "offre=XX"):
        assert get(world, session, f"/retirer?{query}").status_code == 422, query


def test_a_long_list_has_pages(world: PortalWorld) -> None:
    name = somebody(world)
    session = world.session(name)
    for rank in range(22):
        place_unsigned(world, org_form(f"Page {rank}"), who=name)
    world.run_batch()
    first = get(world, session, "/retirer").text
    assert len(re.findall(r'href="/retirer/(\d+)"', first)) == 20
    rest = get(world, session, "/retirer?apres=20").text
    assert len(re.findall(r'href="/retirer/(\d+)"', rest)) == 2
    assert "Page précédente" in rest


# --- the second step ---


def test_the_second_step_shows_product_limit_and_both_texts(world: PortalWorld) -> None:
    numero = place(world)
    page = shown(get(world, world.session("dr-leroux"), f"/retirer/{numero}"))
    textes = world.ra.textes
    for texte in (textes.cgu, textes.pc):
        assert f'href="{texte.adresse}"' in page
        assert f"version {texte.version}" in page
    limit = world.demande(numero).limite_retrait
    assert limit is not None
    assert "À retirer avant le" in page
    assert "mot de passe de retrait" not in page, "its CSR was uploaded"


def test_it_is_withdrawn_once_recorded_and_closed(world: PortalWorld) -> None:
    numero = place(world)
    session = world.session("dr-leroux")
    answer = withdraw(world, session, numero)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/retirer/{numero}/certificat")
    assert product(world, numero) == EtatProduit.ACTIF.value
    line = world.history(numero)[-1]
    assert (line.code_action, line.canal) == ("ACT_RET_001", Canal.IHM)
    with world.db.read() as read:
        row = read.scalars(select(tables.Certificat).where(tables.Certificat.id_demande == numero)).one()
        accepted = read.get(tables.Acceptation, row.id_acceptation)
    assert accepted is not None
    assert (accepted.canal, accepted.cgu_version) == ("IHM", world.ra.textes.cgu.version)


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"code": ""}, "code", "ERR_IHM_009"),
        ({"confirmation": ""}, "code", "ERR_IHM_009"),
        ({"confirmation": CODE + "x"}, "confirmation", "ERR_IHM_010"),
        ({"code": "Court-1", "confirmation": "Court-1"}, "code", "ERR_IHM_011"),
        ({"code": CODE + "\u200b", "confirmation": CODE + "\u200b"}, "code", "ERR_IHM_011"),
        ({"acceptation": None}, "acceptation", "ERR_IHM_012"),
    ],
)
def test_each_error_stands_at_its_field(
    world: PortalWorld, changes: dict[str, str | None], field: str, code: str
) -> None:
    numero = place(world)
    answer = withdraw(world, world.session("dr-leroux"), numero, **changes)
    assert answer.status_code == 422
    assert error_at(answer, field) == code
    assert 'role="alert" tabindex="-1" autofocus' in answer.text
    assert product(world, numero) == EtatProduit.A_RETIRER.value


def test_all_errors_come_at_once_and_the_code_never_comes_back(world: PortalWorld) -> None:
    numero = place(world)
    weak = "faible-mais-unique"
    answer = withdraw(world, world.session("dr-leroux"), numero, code=weak, confirmation=weak, acceptation=None)
    assert [error_at(answer, field) for field in ("code", "confirmation", "acceptation")] == [
        "ERR_IHM_011", "", "ERR_IHM_012",
    ]  # fmt: skip
    assert weak not in answer.text


def test_the_box_stays_ticked_when_the_code_is_wrong(world: PortalWorld) -> None:
    answer = withdraw(world, world.session("dr-leroux"), place(world), confirmation="autre")
    assert re.search(r'<input[^>]*\bchecked\b[^>]*id="acceptation"', answer.text)


def test_a_double_click_gives_the_same_and_another_code_nothing(world: PortalWorld) -> None:
    numero = place(world)
    session = world.session("dr-leroux")
    csrf = token(get(world, session, f"/retirer/{numero}"))
    answers = [post(world, session, f"/retirer/{numero}", csrf_token=csrf, **GOOD) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    other = "Tout-autre-code-9"
    refused = post(
        world, session, f"/retirer/{numero}", csrf_token=csrf, code=other, confirmation=other, acceptation="y"
    )
    assert refused.status_code == 409
    assert "ERR_IHM_013" in refused.text
    assert f"/retirer/{numero}/certificat" in refused.text, "the way on"
    assert len([line for line in world.history(numero) if line.code_action == "ACT_RET_001"]) == 1


def test_going_back_asks_for_no_second_code(world: PortalWorld) -> None:
    numero = place(world)
    session = world.session("dr-leroux")
    withdraw(world, session, numero)
    again = get(world, session, f"/retirer/{numero}")
    assert (again.status_code, again.headers["location"]) == (303, f"/retirer/{numero}/certificat")


# --- what is in the way, each its own answer ---


def test_not_signed_yet(world: PortalWorld) -> None:
    numero = place_unsigned(world)
    answer = get(world, world.session("dr-leroux"), f"/retirer/{numero}")
    assert (answer.status_code, "ERR_IHM_013" in answer.text, "pas encore signé" in shown(answer)) == (409, True, True)
    assert "Réessayer" in answer.text
    world.run_batch()


def test_past_its_limit_before_and_after_the_batch_has_seen_it(world: PortalWorld) -> None:
    numero = place(world)
    session = world.session("dr-leroux")
    csrf = token(get(world, session, f"/retirer/{numero}"))
    with world.db.write() as write:
        late = {"limite_retrait": datetime.now(UTC) - timedelta(1)}
        write.execute(update(tables.Demande).where(tables.Demande.id == numero).values(**late))
    for answer in (
        get(world, session, f"/retirer/{numero}"),
        post(world, session, f"/retirer/{numero}", csrf_token=csrf, **GOOD),
    ):
        assert (answer.status_code, "ERR_IHM_013" in answer.text) == (409, True)
        assert "délai de retrait est dépassé" in shown(answer)
    assert end_overdue(world.db, lambda: datetime.now(UTC)) == 1
    answer = get(world, session, f"/retirer/{numero}")
    assert "délai de retrait est dépassé" in shown(answer)
    assert f"/demander?comme={numero}" in answer.text


def test_cancelled_meanwhile(world: PortalWorld) -> None:
    numero = place(world)
    session = world.session("dr-leroux")
    csrf = token(get(world, session, f"/retirer/{numero}"))
    world.ra.demandes.cancel(world.origin("dr-leroux", Canal.IHM), numero)
    answer = post(world, session, f"/retirer/{numero}", csrf_token=csrf, **GOOD)
    assert (answer.status_code, "ERR_IHM_013" in answer.text, "ERR_WS" in answer.text) == (409, True, False)
    assert "Annulée" in shown(answer)


@pytest.mark.parametrize(("assisted", "code"), [(False, "ERR_IHM_013"), (True, "ERR_IHM_045")])
def test_revoked_after_it_was_withdrawn(world: PortalWorld, assisted: bool, code: str) -> None:
    numero = place(world, csr_assistee=assisted)
    session = world.session("dr-leroux")
    withdraw(world, session, numero)
    form = RevocationForm(numero=numero, motif="FIN_ACTIVITE", email="a@acacias.example", confirmation=True)
    world.ra.revocations.revoke(world.origin("dr-leroux", Canal.IHM), form)
    for path in ("", "/certificat", "/certificat.p7b", "/certificat.pem"):
        answer = get(world, session, f"/retirer/{numero}{path}")
        assert answer.status_code == 409, path
        assert code in answer.text
        assert "BEGIN CERTIFICATE" not in answer.text


# --- who may ---


def test_who_may_see_it_and_did_not_ask_for_it_learns_017(world: PortalWorld) -> None:
    numero = place(world)
    session = world.session(somebody(world))
    csrf = token(get(world, session, f"/retirer/{place(world, who=somebody_of(session, world))}"))
    for answer in (
        get(world, session, f"/retirer/{numero}"),
        get(world, session, f"/retirer/{numero}/certificat"),
        get(world, session, f"/retirer/{numero}/certificat.p7b"),
        post(world, session, f"/retirer/{numero}", csrf_token=csrf, **GOOD),
    ):
        assert (answer.status_code, "ERR_IHM_017" in answer.text) == (403, True)
        assert "annulez la demande depuis le suivi" in shown(answer)
    assert product(world, numero) == EtatProduit.A_RETIRER.value


def somebody_of(session: requests.Session, world: PortalWorld) -> str:
    """Whose session it is."""
    return next(name for name in reversed(world.acteurs) if session.cert == world.client(name).strings)


def test_for_strangers_it_does_not_exist(world: PortalWorld) -> None:
    numero = place(world)
    world.enroll("etrangere")
    session = world.session("etrangere")
    for numero_or_nonsense in (numero, 999_999_999, "0", "-1", "1e3", "%00", "9" * 30):
        for path in ("", "/certificat", "/certificat.p7b", "/certificat.pem"):
            answer = get(world, session, f"/retirer/{numero_or_nonsense}{path}")
            assert answer.status_code == 404, (numero_or_nonsense, path)


def test_a_right_that_is_gone_is_asked_for_again_at_the_act(world: PortalWorld) -> None:
    name = somebody(world)
    numero = place(world, who=name)
    session = world.session(name)
    csrf = token(get(world, session, f"/retirer/{numero}"))
    world.withdraw_rights(name)
    answer = post(world, session, f"/retirer/{numero}", csrf_token=csrf, **GOOD)
    assert (answer.status_code, "ERR_IHM_026" in answer.text) == (403, True)
    assert product(world, numero) == EtatProduit.A_RETIRER.value
    assert "Rien à retirer" in shown(get(world, session, "/retirer"))


def test_for_a_third_party_it_is_he_who_asked(world: PortalWorld) -> None:
    numero = place(world)
    world.enroll("aide-retrait")
    with world.db.write() as write:
        assert appoint(write, world.acteurs["aide-retrait"].id, datetime.now(UTC), Terms(motif="assistance"))
    session = world.session("aide-retrait")
    assert get(world, session, f"/retirer/{numero}").status_code == 404
    select_tiers(world, session, MEDECIN)
    assert withdraw(world, session, numero).status_code == 303
    assert world.history(numero)[-1].administrateur is not None


# --- attacks on the form ---


def test_no_token_another_token_another_origin(world: PortalWorld) -> None:
    numero = place(world)
    session = world.session("dr-leroux")
    get(world, session, f"/retirer/{numero}")
    for csrf in ({}, {"csrf_token": "x"}, {"csrf_token": ""}):
        answer = post(world, session, f"/retirer/{numero}", **csrf, **GOOD)
        assert answer.status_code == 422
        assert CODE not in answer.text
    good = {"csrf_token": token(get(world, session, f"/retirer/{numero}")), **GOOD}
    for origin in ("https://evil.example", "null", ""):
        headers = {"Origin": origin}
        answer = session.post(f"{world.url}/retirer/{numero}", data=good, headers=headers, allow_redirects=False)
        assert answer.status_code == 403
    assert product(world, numero) == EtatProduit.A_RETIRER.value


def test_a_code_in_the_address_is_none(world: PortalWorld) -> None:
    numero = place(world)
    session = world.session("dr-leroux")
    csrf = token(get(world, session, f"/retirer/{numero}"))
    answer = post(world, session, f"/retirer/{numero}?code={CODE}&confirmation={CODE}&acceptation=y", csrf_token=csrf)
    assert error_at(answer, "code") == "ERR_IHM_009"
    assert product(world, numero) == EtatProduit.A_RETIRER.value


def test_a_huge_field_is_refused(world: PortalWorld) -> None:
    numero = place(world)
    session = world.session("dr-leroux")
    csrf = token(get(world, session, f"/retirer/{numero}"))
    answer = post(world, session, f"/retirer/{numero}", csrf_token=csrf, code="x" * 300_000)
    assert answer.status_code in {400, 413}


def test_texts_of_others_are_text(world: PortalWorld) -> None:
    numero = place(world, org_form(XSS, csr_assistee=True))
    session = world.session("dr-leroux")
    pages = [get(world, session, path) for path in ("/retirer", f"/retirer/{numero}", "/cles")]
    withdraw(world, session, numero)
    pages.append(get(world, session, f"/retirer/{numero}/certificat"))
    for page in pages:
        assert page.status_code == 200
        assert XSS not in page.text
        assert "<img src=x" not in page.text


# --- files ---


def test_the_files_and_their_names(world: PortalWorld) -> None:
    numero = place(world)
    session = world.session("dr-leroux")
    assert get(world, session, f"/retirer/{numero}/certificat.p7b").headers["location"] == f"/retirer/{numero}"
    withdraw(world, session, numero)
    page = shown(get(world, session, f"/retirer/{numero}/certificat"))
    assert f"/retirer/{numero}/certificat.p7b" in page
    for _ in range(2):  # always again
        bundle = get(world, session, f"/retirer/{numero}/certificat.p7b")
        text = get(world, session, f"/retirer/{numero}/certificat.pem")
    name = r'attachment; filename="igc-(p7b|pem)-EL-TEST-ORG-AUTH_CLI-\d{8}-\d{6}\.(p7b|pem)"'
    assert re.fullmatch(name, bundle.headers["content-disposition"])
    assert re.fullmatch(name, text.headers["content-disposition"])
    assert bundle.headers["cache-control"] == "no-store"
    inside = [x509.load_der_x509_certificate(der) for der in read_certs_only(bundle.content)]
    chain = x509.load_pem_x509_certificates(text.content)
    assert inside == chain
    assert len(chain) >= 2
    for one, issuer in pairwise(chain):
        one.verify_directly_issued_by(issuer)


def test_smime_loses_its_stroke_in_a_name(world: PortalWorld) -> None:
    form = org_form("Passerelle", offre=Offre.SERV, usage="S/MIME", adresse_email="retrait@acacias.example")
    numero = place(world, form)
    session = world.session("dr-leroux")
    withdraw(world, session, numero)
    name = get(world, session, f"/retirer/{numero}/certificat.p7b").headers["content-disposition"]
    assert "-SERV-SMIME-" in name


# --- the policy of pages ---


def test_only_the_pages_with_the_script_let_it_run(world: PortalWorld) -> None:
    uploaded, assisted = place(world), place(world, csr_assistee=True)
    session = world.session("dr-leroux")
    for numero in (uploaded, assisted):
        withdraw(world, session, numero)
    waiting = place(world)
    opened = f"script-src 'self'; connect-src 'none'; {NO_SCRIPT}"
    policies = {
        path: get(world, session, path).headers["content-security-policy"]
        for path in (
            "/", "/suivi", "/retirer", "/cles", f"/retirer/{waiting}", f"/retirer/{uploaded}/certificat",
            f"/retirer/{assisted}/certificat", "/retirer/999999999", "/static/navigateur/cles.js",
        )
    }  # fmt: skip
    assert policies == {
        "/": NO_SCRIPT, "/suivi": NO_SCRIPT, "/retirer": NO_SCRIPT, "/cles": opened, f"/retirer/{waiting}": opened,
        f"/retirer/{uploaded}/certificat": NO_SCRIPT, f"/retirer/{assisted}/certificat": opened,
        "/retirer/999999999": NO_SCRIPT, "/static/navigateur/cles.js": NO_SCRIPT,
    }  # fmt: skip
    page = get(world, session, "/cles")
    assert "portail-script" not in page.headers
    assert re.findall(r"<script[^>]*>", page.text) == re.findall(
        r'<script src="/static/navigateur/cles.js" integrity="sha384-[A-Za-z0-9+/=]{64}" defer>', page.text
    )


def test_the_sentences_of_the_script_are_those_of_the_catalogue(world: PortalWorld) -> None:
    numero = place(world, csr_assistee=True)
    session = world.session("dr-leroux")
    withdraw(world, session, numero)
    page = get(world, session, f"/retirer/{numero}/certificat").text
    told = set(re.findall(r'<template data-code="(ERR_IHM_\d+)">', page))
    expected = {
        Code.CLE_STORE_CLOSED, Code.CLE_UNREADABLE, Code.CLE_NOT_HERE, Code.CLE_OF_PAST_CERTIFICATE,
        Code.CLE_NOT_PACKED, Code.CLE_OF_ANOTHER, Code.CLE_PASSWORD_WRONG,
    }  # fmt: skip
    assert told == {code.value for code in expected}
