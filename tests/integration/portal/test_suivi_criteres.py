"""Every criterion of each follow-up, from its field to the rows, the count and the CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from urllib.parse import quote

import pytest

from registration.vocabulary import Usage
from tests.integration.portal.produits import active, pro_form, ps_form, revoke, server_form, withdrawn
from tests.integration.portal.visits import invalid, numeros, visit, words
from tests.integration.portal.world import PortalWorld, make_portal_world
from tests.support.acteurs import CLINIQUE, HOPITAL, MEDECIN, PHARMACIENNE
from tests.support.hierarchies import Hierarchy


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, production_hierarchy: Hierarchy) -> Iterator[PortalWorld]:
    """One of its own: a page has room for twenty rows, and others place hundreds."""
    with make_portal_world(tmp_path_factory.mktemp("criteres"), production_hierarchy) as made:
        made.run_batch()
        yield made


FQDN, EMAIL = "criteres.acacias.example", "ines@acacias.example"
ALL = {"org", "serv", "pro", "ps"}
COMMON: tuple[tuple[str, set[str]], ...] = (
    ("numero={org}", {"org"}),
    ("offre=TOUTES", ALL),
    ("offre=ORG", {"org"}),
    ("offre=PRO&usage=SIGN", {"pro"}),
    ("offre=TOUTES&usage=SSL_SERV", {"serv"}),
    (f"offre=TOUTES&structure={HOPITAL}", {"org", "serv", "pro"}),
    (f"offre=TOUTES&structure={HOPITAL.lower()}", {"org", "serv", "pro"}),
    (f"offre=TOUTES&structure={CLINIQUE}", set()),
    ("offre=TOUTES&raison_sociale=centre hospitalier des acàcias", {"org", "serv", "pro"}),
    ("offre=TOUTES&raison_sociale=Centre hosp*", {"org", "serv", "pro"}),
    ("offre=TOUTES&raison_sociale=Centre hosp", set()),
    ("offre=TOUTES&service_applicatif=Critère Éclair", {"org"}),
    ("offre=TOUTES&service_applicatif=Critère*", {"org"}),
    ("offre=TOUTES&service_applicatif=Critère", set()),
    (f"offre=TOUTES&fqdn={FQDN}", {"serv"}),
    (f"offre=SERV&fqdn={FQDN.upper()}", {"serv"}),
    ("offre=SERV&fqdn=acacias.example", set()),
    (f"offre=TOUTES&adresse_email={EMAIL.upper()}", {"pro"}),
    (f"offre=TOUTES&beneficiaire={PHARMACIENNE}", {"pro"}),
    ("offre=TOUTES&beneficiaire_nom=arnaud", {"pro"}),
    ("offre=PRO&beneficiaire_nom=ÀRN*", {"pro"}),
    ("offre=TOUTES&beneficiaire_prenom=inès", {"pro"}),
    ("offre=TOUTES&beneficiaire_nom=ARN*&beneficiaire_prenom=CAM*", set()),
    (f"offre=PS&beneficiaire={MEDECIN}", {"ps"}),
    (f"offre=TOUTES&demandeur={MEDECIN}", ALL),
    ("offre=TOUTES&demandeur_nom=lér*&demandeur_prenom=Camille", ALL),
    ("offre=TOUTES&demandeur_nom=ARNAUD", set()),
    ("index_lot={lot}", set()),
    ("offre=TOUTES&periode=jour", ALL),
    ("offre=TOUTES&periode=semaine", ALL),
    ("offre=TOUTES&periode=mois", ALL),
    ("offre=TOUTES&periode=intervalle&apres_le={today}", ALL),
    ("offre=TOUTES&avant_le={yesterday}", set()),
)
OWN: dict[str, tuple[tuple[str, set[str]], ...]] = {
    "demandes": (
        ("", ALL),
        ("offre=TOUTES&etat=CLOSE", ALL),
        ("offre=TOUTES&etat=ANNULEE", set()),
        ("offre=TOUTES&etat_produit=ACTIF", ALL),
        ("offre=TOUTES&etat_produit=EXPIRE", set()),
        ("offre=TOUTES&etat_produit=REVOQUE", set()),
        ("offre=TOUTES&etat_produit=A_RETIRER", set()),
    ),
    "produits": (
        ("", ALL),
        ("offre=TOUTES&etat=ACTIF", ALL),
        ("offre=TOUTES&etat=EXPIRE", set()),
        ("offre=TOUTES&etat=REVOQUE", set()),
        ("offre=TOUTES&etat=A_RETIRER", set()),
        ("offre=TOUTES&fin_apres_le={tomorrow}", ALL),
        ("offre=TOUTES&fin_periode=mois", set()),
        ("offre=TOUTES&fin_avant_le={tomorrow}", set()),
    ),
    "revocations": (
        ("", ALL),
        ("usage=SIGN", {"pro"}),  # no number and no offre is asked for here (guide §10.3.1)
        ("numero_produit={serv_produit}", {"serv"}),
        ("etat=VALIDEE", ALL),
        ("etat=CLOSE", set()),
        ("motif=FIN_ACTIVITE", {"org", "serv", "pro"}),
        ("motif=AUTRE", {"ps"}),
        ("motif=VOL", set()),
        ("effet_apres_le={tomorrow}", ALL),
        ("effet_periode=intervalle&effet_apres_le={effet}&effet_avant_le={effet}", ALL),
        ("effet_periode=jour", set()),
        ("effet_avant_le={today}", set()),
    ),
}
CASES = [(name, query, expected) for name in OWN for query, expected in (*COMMON, *OWN[name])]


@pytest.fixture(scope="module")
def rows(world: PortalWorld) -> Mapping[str, dict[str, int]]:
    """A certificate of each offre, each with a revocation that waits for its day, by follow-up."""
    made = {
        "org": active(world, "Critère Éclair"),
        "serv": withdrawn(world, server_form(FQDN)),
        "pro": withdrawn(world, pro_form(usage=Usage.SIGN, beneficiaire=PHARMACIENNE, adresse_email=EMAIL)),
        "ps": withdrawn(world, ps_form()),
    }
    effet = (world.clock() + timedelta(days=40)).date().isoformat()
    changes = {"ps": {"motif": "AUTRE", "autre_motif": "Cabinet fermé"}}
    asked = {name: revoke(world, numero, date_effet=effet, **changes.get(name, {}))[1] for name, numero in made.items()}
    return {"demandes": made, "produits": made, "revocations": asked}


def query_of(world: PortalWorld, rows: Mapping[str, dict[str, int]], name: str, query: str) -> str:
    day = world.clock().date()
    text = query.format(
        org=rows[name]["org"],
        serv_produit=rows["produits"]["serv"],
        lot=world.lot,
        today=day.isoformat(),
        yesterday=(day - timedelta(days=1)).isoformat(),
        tomorrow=(day + timedelta(days=1)).isoformat(),
        effet=(world.clock() + timedelta(days=40)).date().isoformat(),
    )
    return quote(text, safe="=&")


@pytest.mark.parametrize(("name", "query", "expected"), CASES)
def test_a_criterion_finds_its_rows_and_no_others(
    world: PortalWorld, rows: Mapping[str, dict[str, int]], name: str, query: str, expected: set[str]
) -> None:
    who, mine = visit(world, "dr-leroux"), rows[name]
    asked = query_of(world, rows, name, query)
    page = who.get(f"/suivi/{name}?{asked}&taille=100")
    found = {key for key, numero in mine.items() if numero in numeros(page)}
    assert found == expected
    column = {"demandes": "N° demande", "produits": "N° produit", "revocations": "N° demande de révocation"}[name]
    exported = [int(row[column]) for row in who.csv(f"/suivi/{name}.csv?{asked}")]
    assert exported == numeros(page), "the same rows in the same order"


@pytest.mark.parametrize("name", OWN)
def test_every_field_of_a_form_comes_back_filled(world: PortalWorld, name: str) -> None:
    texts = {"raison_sociale": "CENTRE*", "fqdn": FQDN, "beneficiaire_nom": "ARN*", "demandeur_prenom": "Zoé"}
    page = visit(world, "dr-leroux").get(
        f"/suivi/{name}?offre=TOUTES&periode=mois&" + "&".join(f"{k}={quote(v)}" for k, v in texts.items())
    )
    for field, value in texts.items():
        assert f'name="{field}" type="text" value="{value}"' in page, field
    assert "Ce mois, " in words(page), "the recapitulation"


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("raison_sociale=*", ["raison_sociale"]),
        (
            "offre=TOUTES&raison_sociale=A*&beneficiaire_nom=L*RX&demandeur_prenom=-",
            ["raison_sociale", "beneficiaire_nom", "demandeur_prenom"],
        ),
        ("numero=x&index_lot=0&fqdn=%00&apres_le=hier", ["numero", "index_lot", "apres_le", "fqdn"]),
        ("offre=ORG&fqdn=a.example&beneficiaire=1", ["fqdn", "beneficiaire"]),
    ],
)
@pytest.mark.parametrize("name", OWN)
def test_all_that_is_wrong_is_said_at_once_at_its_field(
    world: PortalWorld, name: str, query: str, fields: list[str]
) -> None:
    for path in (f"/suivi/{name}", f"/suivi/{name}.csv"):
        page = visit(world, "dr-leroux").get(f"{path}?{query}", status=422)
        assert sorted(invalid(page)) == sorted(fields)
        assert '<details class="criteres" open>' in page


@pytest.mark.parametrize("name", ["demandes", "produits"])
def test_what_is_too_wide_is_said_at_the_three_fields(world: PortalWorld, name: str) -> None:
    page = visit(world, "dr-leroux").get(f"/suivi/{name}?usage=SIGN", status=422)
    assert invalid(page) == ["numero", "index_lot", "offre"]
    assert "ERR_IHM_025" in page


@pytest.mark.parametrize("name", OWN)
def test_a_structure_that_nobody_knows_is_said_at_its_field(world: PortalWorld, name: str) -> None:
    page = visit(world, "dr-leroux").get(f"/suivi/{name}?offre=TOUTES&structure=10B9999999", status=422)
    assert invalid(page) == ["structure"]
    assert "ERR_IHM_005" in page


@pytest.mark.parametrize("name", OWN)
def test_each_sees_what_he_may_follow_and_nothing_else(
    world: PortalWorld, rows: Mapping[str, dict[str, int]], name: str
) -> None:
    seen = {
        "dr-leroux": ALL,
        "dpi-acacias": {"org", "serv", "pro"},  # the application of the hospital: its perimeter, no person's own
        "ph-arnaud": {"pro"},  # bears it, and administers nothing
        "ide-marchand": set(),  # administers another structure
    }
    for who, expected in seen.items():
        for query in ("taille=100", "offre=TOUTES&taille=100"):
            found = numeros(visit(world, who).get(f"/suivi/{name}?{query}"))
            assert {key for key, numero in rows[name].items() if numero in found} == expected, who
        for key, numero in rows[name].items():
            for suffix in ("", "/historique"):
                visit(world, who).get(f"/suivi/{name}/{numero}{suffix}", status=200 if key in expected else 404)
