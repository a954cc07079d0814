"""All thirteen products through the wizard, and every refusal at its field (guide §8.1 to §8.4)."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from commands.demo.portal import place_demande
from registration.vocabulary import EtatDemande, Offre, Usage
from tests.integration.portal.wizard import MAIL, Wizard, codes_at, errors_at, grow, ready, summary_of
from tests.integration.portal.world import XSS, PortalWorld, new_csr
from tests.support.acteurs import ADMINISTRATRICE, CLINIQUE, HOPITAL, MEDECIN, PHARMACIENNE
from tests.support.concurrency import together
from tests.support.databases import statements
from tests.vectors.csr_cases import CASES

_SERVICE = {"service_applicatif": "Proxy DMP"}
_MAILBOX = {"adresse_locale": "boite", "adresse_texte": "mss", "adresse_domaine": "acacias.example"}
PRODUCTS: list[tuple[Offre, Usage, dict[str, str], dict[str, Any]]] = [
    (Offre.PS, Usage.AUTH, {}, {}),
    (
        Offre.PS,
        Usage.SIGN,
        {"adresse_email": "camille@courriel.example"},
        {"adresse_email": "camille@courriel.example"},
    ),
    (Offre.PS, Usage.CONF, {}, {}),
    (Offre.PRO, Usage.AUTH, {"upn": "arnaud@acacias.example"}, {"upn": "arnaud@acacias.example"}),
    (
        Offre.PRO,
        Usage.SIGN,
        {"adresse_locale": "ines.arnaud", "adresse_domaine": "acacias.example"},
        {"adresse_email": "ines.arnaud@acacias.example"},
    ),
    (Offre.PRO, Usage.CONF, {}, {}),
    (Offre.ORG, Usage.AUTH_CLI, _SERVICE, {"service_applicatif": "Proxy DMP"}),
    (Offre.ORG, Usage.SIGN, _SERVICE, {"service_applicatif": "Proxy DMP"}),
    (Offre.ORG, Usage.CONF, _SERVICE, {"service_applicatif": "Proxy DMP"}),
    (
        Offre.SERV,
        Usage.SSL_SERV,
        {"fqdns__0__texte": "www", "fqdns__0__domaine": "acacias.example"},
        {"fqdns": '["www.acacias.example"]'},
    ),
    *(
        (Offre.SERV, usage, {**_SERVICE, **_MAILBOX}, {"adresse_email": "boite@mss.acacias.example"})
        for usage in (Usage.SIGN, Usage.SMIME, Usage.CONF)
    ),
]


def wizard(world: PortalWorld, name: str = "dr-leroux") -> Wizard:
    return Wizard(world, world.session(name))


@pytest.mark.parametrize(("offre", "usage", "fields", "stored"), PRODUCTS, ids=lambda value: str(value)[:12])
def test_each_product(
    world: PortalWorld, offre: Offre, usage: Usage, fields: dict[str, str], stored: dict[str, Any]
) -> None:
    one = wizard(world)
    structure = None if offre is Offre.PS else HOPITAL
    answer = one.choose(offre.value, structure, PHARMACIENNE if offre is Offre.PRO else None)
    assert answer.headers["location"] == one.url(3)
    answer = one.fill(usage.value, **fields)
    assert answer.status_code == 303, summary_of(answer.text)
    assert answer.headers["location"] == one.url(4)
    assert one.page("details").status_code == 200
    assert one.upload().headers["location"] == one.url("finalisation")
    page = one.page("finalisation")
    assert "DN du certificat" in page.text
    assert summary_of(page.text) == ""
    answer = one.send()
    assert answer.status_code == 303, summary_of(answer.text)
    row = world.demande(one.numero())
    assert (row.offre, row.usage, row.id_structure) == (offre.value, usage.value, structure)
    expected = {Offre.PS: MEDECIN, Offre.PRO: PHARMACIENNE}.get(offre)
    assert row.id_beneficiaire == expected
    assert row.email_acteur == MAIL
    assert {name: getattr(row, name) for name in stored} == stored
    assert row.etat in {EtatDemande.ENREGISTREE, EtatDemande.VALIDEE}
    # Reloaded, sent again, gone back: it has become that one demande.
    for step in (1, 2, 3, 4, "finalisation"):
        assert one.page(step).headers["location"] == one.url("confirmation")


def test_all_thirteen_are_there() -> None:
    assert len({(offre, usage) for offre, usage, _, _ in PRODUCTS}) == 13


def test_errors_all_at_once_at_their_fields(world: PortalWorld) -> None:
    one = wizard(world)
    one.choose("SERV", HOPITAL)
    answer = one.fill("S/MIME", email_acteur="sans arobase", email_informe="ni lui")
    assert answer.status_code == 422
    assert codes_at(answer.text) == {
        "service_applicatif": ["ERR_IHM_061"],
        "adresse_locale": ["ERR_IHM_056"],
        "email_acteur": ["ERR_IHM_057"],
        "email_informe": ["ERR_IHM_058"],
    }


def test_step_1_searches_among_ones_own_and_keeps_what_was_typed(world: PortalWorld) -> None:
    world.enroll("cherche", habilitations=((Offre.ORG, HOPITAL, None), (Offre.ORG, CLINIQUE, None)))
    one = wizard(world, "cherche")
    one.begin("ORG")
    answer = one.step(1, offre="ORG", raison_sociale="centre h*", action="rechercher")
    assert answer.headers["location"] == f"{one.url(1)}#structure"
    page = one.page(1).text
    assert re.findall(r'name="structure" id="[^"]+" value="(\w+)"', page) == [HOPITAL]
    assert 'value="centre h*"' in page
    # Typed and sent without a search: it is the search that was meant.
    one.step(1, offre="ORG", structure_id=CLINIQUE.lower())
    page = one.page(1).text
    assert re.findall(r'name="structure" id="[^"]+" value="(\w+)"', page) == [CLINIQUE]
    answer = one.step(1, offre="ORG", structure_id=CLINIQUE)
    assert (answer.status_code, codes_at(answer.text)) == (422, {"structure": ["ERR_IHM_005"]})
    for typed in ("PHARM*", "inconnue"):
        one.step(1, offre="ORG", raison_sociale=typed, action="rechercher")
        assert "Aucune de vos structures ne répond à ces critères" in one.page(1).text, "that of others is not there"


def test_one_structure_is_chosen_by_itself(world: PortalWorld) -> None:
    one = wizard(world, "ide-marchand")
    one.begin("ORG")
    assert "la seule pour laquelle cette offre vous est ouverte" in one.page(1).text
    assert one.step(1, offre="ORG").headers["location"] == one.url(2)
    assert "CLINIQUE DU VAL D&#39;ORGE (10B0990029)" in one.page(2).text


def test_the_beneficiaire_is_searched_inside_the_structure(world: PortalWorld) -> None:
    one = wizard(world)
    one.begin("PRO")
    answer = one.step(1, offre="PRO", structure=HOPITAL)
    assert answer.headers["location"] in {one.url(1) + "#beneficiaire", one.url(2)} or answer.status_code == 422
    one.step(1, offre="PRO", structure=HOPITAL, nom="arn*", action="rechercher")
    page = one.page(1).text
    assert re.findall(r'name="beneficiaire" id="[^"]+" value="(\w+)"', page) == [PHARMACIENNE]
    answer = one.step(1, offre="PRO", structure=HOPITAL, nom="arn*")
    assert codes_at(answer.text) == {"beneficiaire": ["ERR_IHM_006"]}
    answer = one.step(1, offre="PRO", structure=HOPITAL, beneficiaire=ADMINISTRATRICE)
    assert codes_at(answer.text) == {"beneficiaire": ["ERR_IHM_006"]}, "attached elsewhere"
    one.step(1, offre="PRO", structure=HOPITAL, beneficiaire=PHARMACIENNE)
    assert "ARNAUD INES (899700990029)" in one.page(2).text


def test_ps_is_for_oneself_whatever_the_page_sends(world: PortalWorld) -> None:
    one = wizard(world)
    one.begin("PS")
    assert "LEROUX CAMILLE" in one.page(1).text
    one.step(1, offre="PS", beneficiaire=PHARMACIENNE, structure=HOPITAL)
    assert f"LEROUX CAMILLE ({MEDECIN})" in one.page(2).text
    assert HOPITAL not in one.page(2).text


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda pem: pem, "a.csr"),
        (lambda pem: b"\xef\xbb\xbf" + pem, "bom.pem"),
        (lambda pem: pem.replace(b"\n", b"\r\n"), "windows.pem"),
        (lambda pem: b"Voici ma CSR :\n\n" + pem + b"\nCordialement\n", "mail.txt"),
        (lambda pem: pem.replace(b"CERTIFICATE REQUEST", b"NEW CERTIFICATE REQUEST"), "new.pem"),
        (lambda pem: base64.b64decode(b"".join(pem.splitlines()[1:-1])), "a.der"),
        (lambda pem: b"".join(pem.splitlines()[1:-1]), "nu.b64"),
    ],
)
def test_the_forms_in_which_a_csr_comes(world: PortalWorld, make: Any, name: str) -> None:
    one = wizard(world)
    one.choose("ORG", HOPITAL)
    one.fill("CONF", service_applicatif="Formes")
    content = make(new_csr().public_bytes(Encoding.PEM))
    assert one.upload(content, name).headers["location"] == one.url("finalisation")
    assert name in one.page(4).text
    assert one.send().status_code == 303


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"bonjour", "ce n'est pas une requête PKCS#10"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "c'est un certificat"),
        (CASES["two-in-pem"].make(), "plusieurs requêtes"),
        (CASES["utf-16"].make(), "UTF-16"),
        (base64.b64encode(CASES["pem-instead-of-der"].make()), "PEM reçu, envoyez du DER"),
        (CASES["version-1"].make(), "version"),
        (CASES["prime-modulus"].make(), "nombre premier"),
        (b"\x30" + bytes(40_000), "octets"),
        (new_csr(1024).public_bytes(Encoding.PEM), "2048 bits"),
    ],
)
def test_a_file_that_is_no_csr_is_refused_with_the_reason(world: PortalWorld, content: bytes, reason: str) -> None:
    one = wizard(world)
    one.choose("ORG", HOPITAL)
    one.fill("CONF", service_applicatif="Refusée")
    answer = one.upload(content)
    assert (answer.status_code, codes_at(answer.text)) == (422, {"csr": ["ERR_IHM_007"]})
    assert reason in errors_at(answer.text)["csr"]
    assert one.page("finalisation").headers["location"] == one.url(4), "it is not kept"
    answer = one.post(one.url(4))
    assert codes_at(answer.text) == {"csr": ["ERR_IHM_007"]}, "nor is none"


def test_a_key_used_before_is_refused_at_step_4_and_names_its_demande(world: PortalWorld) -> None:
    content = new_csr().public_bytes(Encoding.PEM)
    forms = [wizard(world) for _ in range(3)]
    for one in forms:
        one.choose("ORG", HOPITAL)
        one.fill("CONF", service_applicatif="Même clé")
    first, second, third = forms
    for one in (first, second):
        one.upload(content)
    assert first.send().status_code == 303
    assert f"n° {first.numero()}" in errors_at(third.upload(content).text)["csr"]
    answer = second.send()
    assert (answer.status_code, "ERR_IHM_007" in summary_of(answer.text)) == (422, True)
    assert f'href="{second.url(4)}#csr"' in answer.text


def test_two_tabs_a_double_click_and_a_lost_session(world: PortalWorld) -> None:
    one, other = ready(world, world.session("dr-leroux")), ready(world, world.session("dr-leroux"))
    assert one.ident != other.ident
    page = one.page("finalisation").text
    answers = together([lambda: one.post(one.url("finalisation"), page=page)] * 3)
    assert {answer.headers["location"] for answer in answers if not isinstance(answer, Exception)} == {
        one.url("confirmation")
    }
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    other.session.cookies.clear()
    assert other.page("finalisation").status_code == 200, "what was typed is not the session's"
    assert other.send().status_code == 303
    assert one.numero() != other.numero()


def test_forms_under_way_are_taken_up_again_or_given_up(world: PortalWorld) -> None:
    world.enroll("reprend", habilitations=((Offre.ORG, HOPITAL, None),))
    one = wizard(world, "reprend")
    one.choose("ORG", HOPITAL)
    one.fill("CONF", service_applicatif="À reprendre un jour")
    start = one.get("/demander").text
    assert "À reprendre un jour" in start
    assert f'href="{one.url(4)}"' in start
    other = wizard(world, "reprend")
    other.begin("ORG")
    answer = other.post(other.url("annuler"), page=other.page(1).text)
    assert answer.headers["location"] == "/demander"
    assert other.page(1).status_code == 404
    answer = one.post("/demander/abandonner", page=start, brouillon=one.ident)
    assert answer.headers["location"] == "/demander"
    assert one.page(4).status_code == 404
    assert "À reprendre" not in one.get("/demander").text


def test_a_form_of_another_person_is_not_there(world: PortalWorld) -> None:
    theirs = ready(world, world.session("dr-leroux"))
    mine = ready(world, world.session("ide-marchand"), structure=CLINIQUE)
    page = mine.page("finalisation").text
    for path in (1, 2, 3, 4, "details", "finalisation", "confirmation"):
        assert mine.get(theirs.url(path)).status_code == 404
        if path not in {"details", "confirmation"}:
            assert mine.post(theirs.url(path), page=page, offre="PS").status_code == 404
    assert mine.post(theirs.url("annuler"), page=page).status_code == 404
    mine.post("/demander/abandonner", page=page, brouillon=theirs.ident)
    assert theirs.send().status_code == 303


def test_no_step_is_reached_before_its_time(world: PortalWorld) -> None:
    one = wizard(world)
    one.begin("ORG")
    for step in (2, 3, 4, "details", "finalisation", "confirmation"):
        assert one.page(step).headers["location"] == one.url(1)
    one.choose("ORG", HOPITAL)
    for step in (4, "details", "finalisation"):
        assert one.page(step).headers["location"] == one.url(3)
    page = one.page(3).text
    answer = one.post(one.url("finalisation"), page=page)
    assert answer.status_code == 422, "nothing is placed that was not filled in"
    assert "ERR_IHM_060" in answer.text


def test_like_another_demande(world: PortalWorld) -> None:
    one = wizard(world)
    one.choose("SERV", HOPITAL)
    rows = {"fqdns__0__texte": "a.b", "fqdns__0__domaine": "acacias.example", "fqdns__1__domaine": "acacias.example"}
    one.fill("SSL_SERV", fqdns__1__texte="c", **rows)
    one.upload()
    one.send()
    numero = one.numero()
    start = one.get(f"/demander?comme={numero}").text
    assert "a.b.acacias.example, c.acacias.example" in start
    other = wizard(world)
    assert other.begin_like(numero).headers["location"] == other.url(3)
    page = other.page(3).text
    assert re.findall(r'name="fqdns-\d-texte"[^>]*value="([^"]*)"', page) == ["a.b", "c"]
    assert f'value="{MAIL}"' in page
    assert other.page("finalisation").headers["location"] == other.url(4), "but for a key"
    world.enroll("voit-org", habilitations=((Offre.ORG, HOPITAL, None),))
    assert wizard(world, "voit-org").get(f"/demander?comme={numero}").text.count("ERR_WS_032") >= 1
    for text in ("0", "x", "9" * 30):
        assert "ERR_WS_032" in other.get(f"/demander?comme={text}").text


def test_a_likeness_that_is_not_ones_right_any_more(world: PortalWorld) -> None:
    world.enroll("plus-serv", habilitations=((Offre.SERV, HOPITAL, "*acacias.example"),))
    one = wizard(world, "plus-serv")
    one.choose("SERV", HOPITAL)
    one.fill("CONF", service_applicatif="Ancien", adresse_locale="ancien", adresse_domaine="acacias.example")
    one.upload()
    one.send()
    numero = one.numero()
    world.withdraw_rights("plus-serv")
    world.grant("plus-serv", Offre.ORG, HOPITAL)
    answer = wizard(world, "plus-serv").begin_like(numero)
    assert (answer.status_code, "ERR_IHM_026" in answer.text) == (403, True)


def test_hostile_texts_stay_texts(world: PortalWorld) -> None:
    one = ready(world, world.session("dr-leroux"), service_applicatif=XSS)
    name = '"><script>alert(1)</script>.csr'
    one.upload(name=name)
    for path in (1, 2, 3, 4, "details", "finalisation"):
        page = one.page(path).text
        assert ("<img src=x" in page, "<script>" in page) == (False, False), path
    one.step(1, offre="ORG", raison_sociale=XSS, nom=XSS, action="rechercher")
    assert "<img src=x" not in one.page(1).text
    assert "<img src=x" not in one.get("/demander").text
    one.send()
    assert "<img src=x" not in one.page("confirmation").text


def test_the_cost_of_steps_1_and_3_for_an_administrator_of_300_structures(world: PortalWorld) -> None:
    world.enroll("trois-cents", habilitations=((Offre.SERV, HOPITAL, "*acacias.example"),))

    def costs(structure: str) -> list[int]:
        one, found = wizard(world, "trois-cents"), []
        one.begin("SERV")
        one.step(1, offre="SERV", raison_sociale="CENTRE*", action="rechercher")
        one.step(1, offre="SERV", structure=structure)
        one.step(2, action="nouveau")
        one.step(3, usage="CONF", action="usage")
        for path in (1, 3):
            with statements(world.db.engine) as sent:
                assert one.page(path).status_code == 200
            found.append(len([text for text in sent if text.lstrip().upper().startswith("SELECT")]))
        return found

    costs(HOPITAL)
    few = costs(HOPITAL)
    grow(world, "trois-cents", 300)
    many = costs(HOPITAL)
    one = wizard(world, "trois-cents")
    one.begin("SERV")
    page = one.page(1).text
    assert "Vous administrez de nombreuses structures" in page
    assert page.count('name="structure" ') == 0, "a search, and no list of 300"
    assert many == few
    assert max(many) <= 16, many


def test_the_demo_places_its_demande_by_these_forms(world: PortalWorld, tmp_path: Path) -> None:
    client = world.client("dr-leroux")
    numero = place_demande(world.url, (client.certificate, client.key), world.root, tmp_path, "Demande du portail")
    assert world.demande(int(numero)).service_applicatif == "Demande du portail"
