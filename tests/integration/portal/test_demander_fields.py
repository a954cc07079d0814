"""Step 3 of demander: which fields there are, what their values compose, and what is said of them."""

from __future__ import annotations

import re
from html import unescape

import pytest

from registration.vocabulary import Offre
from tests.integration.portal.test_demander import wizard
from tests.integration.portal.wizard import MAIL, codes_at, ready, summary_of
from tests.integration.portal.world import PortalWorld
from tests.support.acteurs import HOPITAL, PHARMACIENNE


def test_another_usage_shows_its_fields_and_sends_only_them(world: PortalWorld) -> None:
    one = wizard(world)
    one.choose("SERV", HOPITAL)
    one.step(3, usage="S/MIME", action="usage")
    page = one.page(3).text
    assert ('name="adresse_locale"' in page, 'name="fqdns-0-texte"' in page) == (True, False)
    typed = {"service_applicatif": "Messagerie", "adresse_locale": "boite", "adresse_domaine": "acacias.example"}
    answer = one.step(3, usage="SSL_SERV", email_acteur=MAIL, action="suivant", **typed)
    assert answer.headers["location"] == f"{one.url(3)}#produit", "the fields of the other usage come first"
    page = one.page(3).text
    assert ('name="adresse_locale"' in page, 'name="fqdns-0-texte"' in page) == (False, True)
    assert f'value="{MAIL}"' in page
    for rank in range(1, 5):
        rows = {f"fqdns__{row}__texte": f"s{row}" for row in range(rank)}
        rows |= {f"fqdns__{row}__domaine": "acacias.example" for row in range(rank)}
        assert one.step(3, usage="SSL_SERV", email_acteur=MAIL, action="plus", **rows).status_code == 303
        assert f'name="fqdns-{rank}-texte"' in one.page(3).text
    assert "Ajouter un FQDN" not in one.page(3).text, "five at the most"
    rows = {f"fqdns__{row}__texte": f"s{row}" for row in (0, 2)} | {
        f"fqdns__{row}__domaine": "acacias.example" for row in (0, 2)
    }
    # A service typed by an edited page is no field of this usage.
    answer = one.step(3, usage="SSL_SERV", email_acteur=MAIL, service_applicatif="De trop", **rows)
    assert answer.headers["location"] == one.url(4)
    one.upload()
    assert "De trop" not in one.page("finalisation").text
    assert one.send().status_code == 303
    row = world.demande(one.numero())
    assert (row.service_applicatif, row.adresse_email) == (None, None)
    assert row.fqdns == '["s0.acacias.example", "s2.acacias.example"]'
    # What was typed for the usage before is back with it, in a form that goes on.
    other = wizard(world)
    other.choose("SERV", HOPITAL)
    other.step(3, usage="CONF", action="usage")
    other.step(3, usage="SSL_SERV", action="usage", service_applicatif="Gardé")
    other.step(3, usage="CONF", action="usage")
    assert 'value="Gardé"' in other.page(3).text


@pytest.mark.parametrize(
    ("pattern", "texte", "locale", "expected"),
    [
        ("*@d.example", "", "a", "a@d.example"),
        ("*@d.example", "x", "a", "adresse_texte"),
        ("*d.example", "", "a", "a@d.example"),
        ("*d.example", "x.y", "a", "a@x.y.d.example"),
        ("*.d.example", "x", "a", "a@x.d.example"),
        ("*.d.example", "", "a", "adresse_texte"),
        ("*d.example", ".x", "a", "adresse_texte"),
        ("*d.example", "x.", "a", "adresse_texte"),
        ("*d.example", "x@y", "a", "adresse_texte"),
        ("*d.example", "x", "", "adresse_locale"),
        ("*d.example", "", "a b", "adresse_locale"),
        ("*d.example", "", "a" * 65, "adresse_locale"),
    ],
)
def test_the_three_modes_of_a_mail_domain(
    world: PortalWorld, pattern: str, texte: str, locale: str, expected: str
) -> None:
    name = f"modes-{pattern}-{texte}-{locale[:3]}"
    world.enroll(name.replace("*", "x").replace(" ", "_")[:60], habilitations=((Offre.PRO, HOPITAL, pattern),))
    one = wizard(world, name.replace("*", "x").replace(" ", "_")[:60])
    one.choose("PRO", HOPITAL, PHARMACIENNE)
    answer = one.fill("CONF", adresse_locale=locale, adresse_texte=texte, adresse_domaine="d.example")
    if "@" not in expected:
        assert (answer.status_code, codes_at(answer.text)) == (422, {expected: ["ERR_IHM_056"]})
        return
    assert answer.headers["location"] == one.url(4)
    one.upload()
    assert expected in one.page("finalisation").text


def test_a_domain_that_the_list_does_not_have_is_refused(world: PortalWorld) -> None:
    one = wizard(world)
    one.choose("PRO", HOPITAL, PHARMACIENNE)
    answer = one.fill("CONF", adresse_locale="a", adresse_domaine="ailleurs.example")
    assert (answer.status_code, codes_at(answer.text)) == (422, {"adresse_domaine": ["ERR_IHM_063"]})


def test_the_modes_of_a_server_domain(world: PortalWorld) -> None:
    world.enroll("serveurs", habilitations=((Offre.SERV, HOPITAL, "*.d.example"), (Offre.SERV, HOPITAL, "nu.example")))
    one = wizard(world, "serveurs")
    one.choose("SERV", HOPITAL)
    rows = {"fqdns__0__texte": "", "fqdns__0__domaine": "d.example"}
    answer = one.fill("SSL_SERV", **rows)
    assert codes_at(answer.text) == {"fqdns-0-texte": ["ERR_IHM_062"]}
    answer = one.fill("SSL_SERV", fqdns__0__texte="www", fqdns__0__domaine="nu.example")
    assert codes_at(answer.text) == {"fqdns-0-texte": ["ERR_IHM_062"]}
    answer = one.fill("SSL_SERV", fqdns__0__texte="www", fqdns__0__domaine="")
    assert codes_at(answer.text) == {"fqdns-0-domaine": ["ERR_IHM_062"]}
    answer = one.fill(
        "SSL_SERV",
        fqdns__0__texte="", fqdns__0__domaine="nu.example",
        fqdns__1__texte="a_b", fqdns__1__domaine="d.example",
    )  # fmt: skip
    assert codes_at(answer.text) == {"fqdns-1-texte": ["ERR_IHM_062_2"]}
    long = "x" * 60
    answer = one.fill("SSL_SERV", fqdns__0__texte=long, fqdns__0__domaine="d.example")
    assert codes_at(answer.text) == {"fqdns-0-texte": ["ERR_IHM_063"]}, "the first is the name of the certificate"


def test_the_same_person_has_one_address_until_she_writes_another_one(world: PortalWorld) -> None:
    one = wizard(world)
    one.choose("PRO", HOPITAL, PHARMACIENNE)
    address = {"adresse_locale": "ines", "adresse_domaine": "acacias.example"}

    def kept() -> tuple[str, bool]:
        page = one.page(3).text
        value = re.search(r'id="email_acteur"[^>]*value="([^"]*)"', page)
        assert value
        return value[1], bool(re.search(r'<input[^>]*checked[^>]*id="meme_personne"', page))

    one.step(3, usage="CONF", action="usage")
    answer = one.step(3, usage="CONF", meme_personne="y", email_acteur="")
    assert codes_at(answer.text) == {"email_acteur": ["ERR_IHM_057"]}
    assert one.step(3, usage="CONF", meme_personne="y", email_acteur="", **address).headers["location"] == one.url(4)
    assert kept() == ("ines@acacias.example", True)
    one.step(
        3, usage="CONF", meme_personne="y", email_acteur="ines@acacias.example",
        **address | {"adresse_locale": "i.arnaud"},
    )  # fmt: skip
    assert kept() == ("i.arnaud@acacias.example", True)
    one.step(
        3, usage="CONF", meme_personne="y", email_acteur="autre@acacias.example",
        **address | {"adresse_locale": "i.arnaud"},
    )  # fmt: skip
    assert kept() == ("autre@acacias.example", False)
    # It does not exist for AUTH.
    one.step(3, usage="AUTH", action="usage")
    assert 'name="meme_personne"' not in one.page(3).text


def test_an_address_of_another_porteur_stands_above_the_recapitulation(world: PortalWorld) -> None:
    forms = []
    for service in ("Premier porteur", "Second porteur"):
        one = wizard(world)
        one.choose("SERV", HOPITAL)
        one.fill("S/MIME", service_applicatif=service, adresse_locale="partage", adresse_domaine="acacias.example")
        one.upload()
        forms.append(one)
    first, second = forms
    shown = second.page("finalisation").text
    assert first.send().status_code == 303
    answer = second.post(second.url("finalisation"), page=shown)
    assert (answer.status_code, summary_of(answer.text).count("ERR_IHM_064")) == (422, 2)
    assert "Second porteur" in answer.text
    assert f'href="{second.url(3)}#adresse"' in answer.text
    answer = second.step(
        3, usage="S/MIME", service_applicatif="Second porteur", email_acteur=MAIL,
        adresse_locale="partage2", adresse_domaine="acacias.example",
    )  # fmt: skip
    assert answer.headers["location"] == second.url(4)
    assert second.send().status_code == 303, "with the CSR that was kept"


def test_a_warning_of_the_content_is_shown_and_refuses_nothing(world: PortalWorld) -> None:
    one = ready(world, world.session("dr-leroux"), service_applicatif="INSI AUTO")
    page = unescape(one.page("finalisation").text)
    assert "AVT_WS_001" in page
    assert "ressemble à INSI-AUTO" in page
    assert one.send().status_code == 303


def test_the_details_are_those_of_the_guide(world: PortalWorld) -> None:
    one = wizard(world)
    one.choose("PRO", HOPITAL, PHARMACIENNE)
    address = {"adresse_locale": "ines", "adresse_domaine": "acacias.example"}
    answer = one.fill("SIGN", action="details", **address)
    assert answer.headers["location"] == one.url("details")
    page = unescape(one.page("details").text)
    for name, value in (
        ("Nom", "ARNAUD"), ("Prénom", "INES"), ("Adresse mail (SAN)", "ines@acacias.example"),
        ("Identifiant structure", HOPITAL), ("Raison sociale", "CENTRE HOSPITALIER DES ACACIAS"),
        ("Département", "Paris (75)"), ("Pays", "FR"), ("Code profession", "Pharmacien (21)"),
        ("Tableau pharmacien", "A - Pharmacien titulaire d'officine"),
    ):  # fmt: skip
        assert f"<dt>{name}</dt><dd>{value}</dd>" in page
    assert re.findall(r'class="code">(\w+)=</th>', page) == ["cn", "sn", "gn", "title", "ou", "o", "st", "c"]
