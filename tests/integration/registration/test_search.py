"""Search of demandes (guide §10.1.1): each criterion, the paging, and values that try to be patterns."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from registration.errors import Code, IgcError
from registration.views import PersonneCriteria, SearchCriteria
from registration.vocabulary import Canal, EtatDemande, Offre, Usage
from tests.support.acteurs import AGENT, CLINIQUE, HOPITAL, MEDECIN
from tests.support.assertions import assert_refused
from tests.support.clock import NOON
from tests.support.world import World


def find(world: World, acteur: str = "dr-leroux", **criteria: Any) -> list[str | None]:
    """The references found, newest first; the count agrees."""
    asked = SearchCriteria(**criteria)
    views = world.ra.demandes.search(world.acteurs[acteur], asked, limit=100).demandes
    assert world.ra.demandes.count(world.acteurs[acteur], asked) == len(views)
    return [view.reference for view in views]


@pytest.fixture
def filled(world: World) -> World:
    """A few demandes of every kind over three days, of both canals."""
    first = (
        world.form("ORG_AUTH_CLI", 0, reference="org", service_applicatif="100% sûr_e"),
        world.form("ORG_SIGN", 1, reference="org-sign", service_applicatif="100 autres"),
        world.form("SERV_SSL_SERV", 2, reference="ssl", fqdns=("a.acacias.example", "b.acacias.example")),
        world.form("SERV_SMIME", 3, reference="smime"),
    )
    world.issued(*first, reference="lot-1")
    world.clock.advance(days=1)
    world.issued(
        world.form("PRO_SIGN", 4, reference="pro", beneficiaire=AGENT),
        world.form("PRO_AUTH", 5, reference="pro-auth", beneficiaire=MEDECIN),
        world.form("PS_AUTH", 6, reference="ps"),
        world.form("ORG_CONF", 7, reference="bad", email_acteur="none"),
        reference="lot-2",
    )
    world.clock.advance(days=1)
    world.ra.demandes.submit(
        world.origin(canal=Canal.IHM), world.form("SERV_SSL_SERV", 8, fqdns=("c.acacias.example",))
    )
    return world


EVERY = [None, "bad", "ps", "pro-auth", "pro", "smime", "ssl", "org-sign", "org"]
DAY = timedelta(days=1)


CRITERIA: list[tuple[dict[str, Any], list[str | None]]] = [
    ({"all_offres": True}, EVERY),
    ({"offre": Offre.ORG}, ["bad", "org-sign", "org"]),
    ({"offre": Offre.SERV}, [None, "smime", "ssl"]),
    ({"offre": Offre.PRO}, ["pro-auth", "pro"]),
    ({"offre": Offre.PS}, ["ps"]),
    ({"offre": Offre.ORG, "usage": Usage.SIGN}, ["org-sign"]),
    ({"offre": Offre.SERV, "usage": Usage.SMIME}, ["smime"]),
    ({"offre": Offre.PS, "usage": Usage.SMIME}, []),
    ({"all_offres": True, "etat": EtatDemande.REJETEE}, ["bad"]),
    ({"all_offres": True, "etat": EtatDemande.VALIDEE}, [None]),
    ({"all_offres": True, "structure": HOPITAL}, [r for r in EVERY if r != "ps"]),
    ({"all_offres": True, "structure": CLINIQUE}, []),
    ({"all_offres": True, "beneficiaire": PersonneCriteria(id_national=AGENT)}, ["pro"]),
    ({"all_offres": True, "beneficiaire": PersonneCriteria(id_national=MEDECIN)}, ["ps", "pro-auth"]),
    ({"all_offres": True, "adresse_email": "DOSSIER@acacias.example"}, ["smime"]),
    ({"all_offres": True, "adresse_email": "dossier@ACACIAS.example"}, ["smime"]),
    ({"all_offres": True, "adresse_email": "dossier@acacias"}, []),
    ({"all_offres": True, "adresse_email": ""}, []),
    ({"all_offres": True, "adresse_email": "no address"}, []),
    ({"all_offres": True, "fqdn": ""}, []),
    ({"all_offres": True, "fqdn": "B.acacias.example"}, ["ssl"]),
    ({"all_offres": True, "fqdn": "acacias.example"}, []),
    ({"all_offres": True, "fqdn": "%.acacias.example"}, []),
    ({"all_offres": True, "fqdn": "_.acacias.example"}, []),
    ({"all_offres": True, "fqdn": '","'}, []),
    ({"all_offres": True, "since": NOON + DAY}, EVERY[:5]),
    ({"all_offres": True, "until": NOON + DAY}, EVERY[5:]),
    ({"all_offres": True, "since": NOON + DAY, "until": NOON + 2 * DAY}, EVERY[1:5]),
    ({"all_offres": True, "since": NOON + 3 * DAY}, []),
    ({"all_offres": True, "since": NOON + DAY, "until": NOON + DAY}, []),
    ({"all_offres": True, "service_applicatif": "100% sûr_e"}, ["org"]),
    ({"all_offres": True, "service_applicatif": "100"}, []),
    ({"all_offres": True, "service_applicatif": "100*"}, ["org-sign", "org"]),
    ({"all_offres": True, "service_applicatif": "100%*"}, ["org"]),
    ({"all_offres": True, "service_applicatif": "100% sûr_*"}, ["org"]),
    ({"all_offres": True, "service_applicatif": "100_*"}, []),
    ({"all_offres": True, "service_applicatif": "%*"}, []),
    ({"all_offres": True, "service_applicatif": "_*"}, []),
    ({"all_offres": True, "service_applicatif": "100% s_r_e"}, []),
    ({"all_offres": True, "service_applicatif": "/*"}, []),
    ({"all_offres": True, "service_applicatif": "\\*"}, []),
    ({"all_offres": True, "service_applicatif": "*"}, ["bad", "smime", "org-sign", "org"]),
    ({"all_offres": True, "service_applicatif": "'; DROP TABLE demande; --"}, []),
    ({"offre": Offre.SERV, "etat": EtatDemande.TRANSMISE, "fqdn": "a.acacias.example"}, ["ssl"]),
]


def test_each_criterion(filled: World) -> None:
    wrong = [(criteria, found) for criteria, expected in CRITERIA if (found := find(filled, **criteria)) != expected]
    assert wrong == []


def test_by_numero_and_by_index(filled: World) -> None:
    acteur = filled.acteurs["dr-leroux"]
    index = filled.ra.lots.follow(acteur, reference="lot-2").index
    assert find(filled, index_lot=index) == ["bad", "ps", "pro-auth", "pro"]
    numero = filled.numeros(index)[1]
    assert find(filled, numero=numero) == ["pro-auth"]
    assert find(filled, numero=numero, index_lot=index, offre=Offre.PRO) == ["pro-auth"]
    assert find(filled, numero=numero, index_lot=index + 1) == []
    assert find(filled, numero=numero, offre=Offre.PS) == []
    assert find(filled, numero=10**9) == find(filled, index_lot=10**9) == []


def test_numbers_nobody_has_find_nothing(filled: World) -> None:
    for number in (0, -1, 2**63 - 1):
        assert find(filled, numero=number) == find(filled, index_lot=number) == []


TOO_WIDE: list[dict[str, Any]] = [
    {},
    {"usage": Usage.AUTH},
    {"etat": EtatDemande.TRANSMISE, "structure": HOPITAL},
    {"since": NOON, "until": NOON + DAY},
    {"service_applicatif": "*"},
    {"beneficiaire": PersonneCriteria(id_national=AGENT), "adresse_email": "a@b.example", "fqdn": "a.b.example"},
]


def test_without_numero_index_or_offre_it_is_too_wide(world: World) -> None:
    for criteria in TOO_WIDE:
        for act in (world.ra.demandes.search, world.ra.demandes.count):
            with assert_refused(IgcError, Code.SEARCH_TOO_WIDE):
                act(world.acteurs["dr-leroux"], SearchCriteria(**criteria))


def test_an_instant_without_zone_is_refused(world: World) -> None:
    for name, champ in (("since", "depuis"), ("until", "jusqua")):
        naive: Any = {name: datetime(2026, 3, 2)}  # noqa: DTZ001 -- that it has no zone is the point
        with assert_refused(IgcError, Code.DATETIME_ZONE, champ):
            world.ra.demandes.search(world.acteurs["dr-leroux"], SearchCriteria(all_offres=True, **naive))


def test_international_names_are_found_in_either_form(world: World) -> None:
    for offre in (Offre.SERV, Offre.PRO):
        world.grant("dr-leroux", offre, HOPITAL, "*hôpital.example")
    world.issued(
        world.form("SERV_SSL_SERV", 0, reference="ssl", fqdns=("www.hôpital.example",)),
        world.form("PRO_SIGN", 1, reference="pro", adresse_email="A@hôpital.example"),
    )
    for domain in ("hôpital.example", "xn--hpital-ixa.example", "HÔPITAL.example"):
        assert find(world, all_offres=True, fqdn=f"www.{domain}") == ["ssl"]
        assert find(world, all_offres=True, adresse_email=f"a@{domain}") == ["pro"]


def test_pages_give_everything_once_newest_first(filled: World) -> None:
    acteur, criteria = filled.acteurs["dr-leroux"], SearchCriteria(all_offres=True)
    for limit in (1, 2, 4, 9, 10):
        walked: list[int] = []
        after = None
        pages = 0
        while True:
            page = filled.ra.demandes.search(acteur, criteria, after=after, limit=limit)
            walked += [view.numero for view in page.demandes]
            pages += 1
            if page.next_after is None:
                break
            after = page.next_after
        assert walked == sorted(walked, reverse=True)
        assert len(walked) == len(set(walked)) == 9
        assert pages == -(-9 // limit)


def test_what_comes_in_between_does_not_shift_the_pages(filled: World) -> None:
    acteur, criteria = filled.acteurs["dr-leroux"], SearchCriteria(all_offres=True)
    first = filled.ra.demandes.search(acteur, criteria, limit=4)
    filled.issued(*filled.forms(3, first_key=20), reference="lot-3")
    rest = filled.ra.demandes.search(acteur, criteria, after=first.next_after, limit=10)
    assert [view.reference for view in (*first.demandes, *rest.demandes)] == EVERY


def test_each_sees_by_his_rights(filled: World) -> None:
    # "bad" never passed validation: that it concerns the hospital is only what its sender wrote.
    assert find(filled, "administrateur", all_offres=True) == [r for r in EVERY if r not in {"ps", "bad"}]
    assert find(filled, "dpi-acacias", offre=Offre.PS) == []
    assert find(filled, "ide-marchand", all_offres=True) == []
    assert find(filled, "ph-arnaud", all_offres=True) == []
