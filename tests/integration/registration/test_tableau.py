"""The home: counts and lists agree with what the searches give, for everybody, and go when the rights go."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from registration.revocation_views import Tableau
from registration.tableau import reading
from registration.tableau.reading import months
from registration.values import RevocationForm
from registration.views import ProduitCriteria, SearchCriteria
from registration.vocabulary import EtatDemande, EtatProduit
from tests.support.acteurs import AGENT, MEDECIN, withdraw_rights
from tests.support.clock import NOON
from tests.support.databases import statements
from tests.support.produits import conditions
from tests.support.world import World


def tableau(world: World, name: str = "dr-leroux") -> Tableau:
    return world.ra.tableau.read(world.acteurs[name])


def fill(world: World) -> list[int]:
    """Certificates withdrawn, waiting, refused; of the hospital, and of a person."""
    index = world.issued(
        *world.forms(6), world.form(key=20, email_acteur="rien"), world.form("PRO_AUTH", 21, beneficiaire=AGENT)
    )
    numeros = world.numeros(index)
    for numero in numeros[:3]:
        world.ra.retraits.withdraw(world.origin(), numero, conditions())
    return numeros


def test_months_are_those_of_paris_and_begin_now() -> None:
    bounds = months(datetime(2026, 11, 30, 23, 30, tzinfo=UTC))  # it is December in Paris
    assert len(bounds) == 13
    assert bounds[1].astimezone(UTC) == datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert bounds[12].isoformat() == "2027-12-01T00:00:00+01:00"
    assert bounds[8].isoformat() == "2027-08-01T00:00:00+02:00"


def test_everybody_finds_what_his_searches_find(world: World) -> None:
    fill(world)
    for name, acteur in world.acteurs.items():
        found = tableau(world, name)
        everything = SearchCriteria(all_offres=True)
        followed = world.ra.demandes.search(acteur, everything, limit=200).demandes
        assert [one.numero for one in found.refus] == [
            one.numero for one in followed if one.etat in {EtatDemande.REJETEE, EtatDemande.NON_TRAITEE}
        ], name
        active = world.ra.produits.search(
            acteur, ProduitCriteria(all_offres=True, etat=EtatProduit.ACTIF), limit=200
        ).produits
        bounds = months(world.clock.now)
        expected = [
            sum(1 for one in active if bounds[month] <= one.not_after < bounds[month + 1]) for month in range(12)
        ]
        assert [one.compte.nombre for one in found.echeances] == expected, name
        assert found.a_retirer_en_tout.nombre == len(found.a_retirer), name
        assert {one.numero for one in found.a_retirer} <= {
            one.numero for one in followed if one.etat_produit is EtatProduit.A_RETIRER
        }, name
    assert tableau(world).refus
    assert len(tableau(world).a_retirer) > 2
    assert tableau(world, "inconnu") == Tableau(
        echeances=tableau(world, "inconnu").echeances,
        a_retirer=(),
        a_retirer_en_tout=tableau(world, "inconnu").a_retirer_en_tout,
        differees=(),
        differees_en_tout=tableau(world, "inconnu").differees_en_tout,
        refus=(),
    )


def test_ends_are_counted_by_month_to_the_first_and_the_last_moment(world: World) -> None:
    numeros = fill(world)
    bounds = months(world.clock.now)
    assert sum(one.compte.nombre for one in tableau(world).echeances) == 0, "certificates live three years"
    world.set_end([numeros[0]], bounds[2])
    world.set_end([numeros[1]], bounds[3])
    world.set_end([numeros[2]], bounds[12])
    found = tableau(world).echeances
    assert [one.compte.nombre for one in found] == [0, 0, 1, 1, *[0] * 8]
    first = bounds[2].astimezone(bounds[1].tzinfo)
    assert (found[2].annee, found[2].mois) == (first.year, first.month)
    assert [one.compte.nombre for one in tableau(world, "administrateur").echeances][2:4] == [1, 1]
    withdraw_rights(world.db, world.acteurs["dr-leroux"])
    assert sum(one.compte.nombre for one in tableau(world).echeances) == 0
    assert (tableau(world).a_retirer, tableau(world).refus) == ((), ())


def test_what_waits_is_in_the_order_of_its_limits(world: World) -> None:
    index = world.deposit(*world.forms(8)).index
    world.register_pages()
    for _ in range(3):
        world.clock.advance(hours=1)
        world.run_batch(1)
    world.run_batch()
    found = tableau(world)
    limits = [one.limite_retrait for one in found.a_retirer]
    assert limits == sorted(limit for limit in limits if limit is not None)
    assert (len(limits), found.a_retirer_en_tout.nombre) == (5, 8)
    assert {one.index_lot for one in found.a_retirer} == {index}
    world.clock.advance(days=11)
    assert tableau(world).a_retirer == ()


def test_deferred_revocations_wait_for_their_day(world: World) -> None:
    numeros = fill(world)
    wish = RevocationForm(
        numero=numeros[0],
        motif="FIN_ACTIVITE",
        date_effet=NOON.replace(day=28).date().isoformat(),
        email="a@acacias.example",
        confirmation=True,
    )
    numero = world.ra.revocations.revoke(world.origin(), wish).numero
    found = tableau(world)
    assert [one.numero for one in found.differees] == [numero]
    assert found.differees[0].numero_produit == numeros[0]
    assert found.differees_en_tout.nombre == 1
    assert tableau(world, "inconnu").differees == ()
    world.ra.revocations.give_up(world.origin(), numero or 0)
    assert tableau(world).differees == ()


def test_old_refusals_are_not_news(world: World) -> None:
    fill(world)
    assert tableau(world).refus
    world.clock.advance(days=31)
    assert tableau(world).refus == ()


def test_counts_end_where_nobody_counts_further(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(world)
    monkeypatch.setattr(reading, "MOST", 2)
    found = tableau(world).a_retirer_en_tout
    assert (found.nombre, found.more) == (2, True)


def test_it_costs_the_same_whatever_there_is(world: World) -> None:
    tableau(world)
    with statements(world.db.engine) as empty:
        tableau(world)
    fill(world)
    with statements(world.db.engine) as full:
        tableau(world)
    assert len(full) == len(empty)
    assert len([one for one in full if not one.startswith("SET ")]) <= 9


def test_a_person_finds_what_he_bears(world: World) -> None:
    numero = world.place(world.form("PS_AUTH", 1), sender="dr-leroux")
    world.run_batch()
    assert world.acteurs["dr-leroux"].id_national == MEDECIN
    assert [one.numero for one in tableau(world).a_retirer] == [numero]
    world.ra.retraits.withdraw(world.origin(), numero, conditions())
    world.set_end([numero], months(world.clock.now)[1])
    assert sum(one.compte.nombre for one in tableau(world).echeances) == 1
