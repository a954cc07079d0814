"""What an acteur is told of his own rights (guide §7, tables 6 and 7)."""

from __future__ import annotations

from registration.views import Droit
from registration.vocabulary import Offre
from tests.support.acteurs import CLINIQUE, HOPITAL
from tests.support.databases import assert_same_cost
from tests.support.world import World


def told(world: World, name: str = "administrateur") -> list[tuple[str, str, str | None]]:
    page = world.ra.acteurs.droits(world.acteurs[name])
    return [(one.structure, one.offre.value, one.par and one.par.value) for one in page.droits]


def domains(droit: Droit) -> list[tuple[str, str]]:
    return [(each.domaine, each.saisie.value) for each in droit.domaines]


def test_rights_are_told_with_what_implies_them_and_their_domains(world: World) -> None:
    assert told(world) == [(HOPITAL, "ORG", "SERV"), (HOPITAL, "PRO", None), (HOPITAL, "SERV", None)]
    org, pro, serv = world.ra.acteurs.droits(world.acteurs["administrateur"]).droits
    assert (org.raison_sociale, domains(org)) == ("CENTRE HOSPITALIER DES ACACIAS", [])
    assert domains(pro) == [("acacias.example", "NON_MODIFIABLE")]
    assert domains(serv) == [("acacias.example", "FACULTATIVE")]
    # With the subdomains as well as the domain itself he has what *d gives.
    world.grant("administrateur", Offre.PRO, HOPITAL, "*.acacias.example")
    world.grant("administrateur", Offre.ORG, HOPITAL)
    org, pro, _ = world.ra.acteurs.droits(world.acteurs["administrateur"]).droits
    assert (org.par, domains(pro)) == (None, [("acacias.example", "FACULTATIVE")])


def test_who_has_none_and_who_asks_for_himself(world: World) -> None:
    for name, own in (("inconnu", False), ("ide-marchand", True)):
        world.withdraw_rights(name)
        page = world.ra.acteurs.droits(world.acteurs[name])
        assert (page.pour_soi, page.droits, page.next_after) == (own, (), None)
    world.withdraw_rights("administrateur")
    assert told(world) == []


def test_pages_give_all_once_and_cost_the_same(world: World) -> None:
    acteur = world.acteurs["administrateur"]
    world.grant("administrateur", Offre.ORG, CLINIQUE)
    found, after = [], 0
    while True:
        page = world.ra.acteurs.droits(acteur, after=after, limit=3)
        found += [(one.structure, one.offre) for one in page.droits]
        if page.next_after is None:
            break
        after = page.next_after
    assert found == sorted(set(found)) == sorted(found)
    assert len(found) == 4
    for beyond in (4, 2**63 - 1, -(2**63)):
        page = world.ra.acteurs.droits(acteur, after=beyond)
        assert (len(page.droits), page.next_after) == (4 if beyond < 0 else 0, None)
    with_one, with_all = (lambda: world.ra.acteurs.droits(acteur, limit=1)), (lambda: world.ra.acteurs.droits(acteur))
    assert_same_cost(world.db, with_one, with_all)
