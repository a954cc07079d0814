"""How many statements the acts cost that are asked all the time: each is a trip to the database."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from registration.views import SearchCriteria
from tests.support.databases import statements
from tests.support.produits import conditions
from tests.support.world import World

# One of a search reads the rights. One of the deposit's asks which products are closed, one owes the notices
# of the lot, one says which structures it concerns.
FOLLOW, LIST, SEARCH, DEPOSIT, REPEATED_DEPOSIT = 1, 2, 2, 17, 1
WITHDRAW_AGAIN = 5


def cost(world: World, act: Callable[[], object]) -> int:
    act()  # what is made once is made
    with statements(world.db.engine) as sent:
        act()
    return len([statement for statement in sent if not statement.startswith(("NOTIFY", "SET "))])


def test_a_call_of_the_canal_reads_who_asks_and_what_he_asks_for(world: World) -> None:
    acteur = world.origin().acteur
    index = world.with_policy(at_once=20).deposit(*world.forms(3)).index

    def ask() -> None:
        with world.ra.view():
            world.ra.lots.follow(acteur, index=index)
            world.ra.lots.follow(acteur, reference="lot-1")

    assert cost(world, ask) == 2 * FOLLOW


@pytest.mark.parametrize("count", [1, 9])
def test_a_page_of_a_lot_is_read_at_once(world: World, count: int) -> None:
    acteur = world.acteurs["administrateur"]
    index = world.with_policy(at_once=20).issued(*world.forms(count))
    assert cost(world, lambda: world.ra.lots.list_demandes(acteur, index, limit=500)) == LIST
    assert cost(world, lambda: world.ra.demandes.search(acteur, SearchCriteria(index_lot=index))) == SEARCH


@pytest.mark.parametrize("count", [1, 9])
def test_a_page_of_certificates_that_comes_again_is_read_at_once(world: World, count: int) -> None:
    index = world.with_policy(at_once=20).issued(*world.forms(count))
    again = cost(world, lambda: world.ra.retraits.withdraw_page(world.origin(), index, conditions(), limit=500))
    assert again == WITHDRAW_AGAIN


def test_a_small_lot_asks_for_nothing_twice(world: World) -> None:
    rank = iter(range(10))

    def deposit() -> None:
        key = next(rank)
        world.deposit(*world.forms(1, key), reference=f"lot-{key}")

    assert cost(world, deposit) == DEPOSIT
    assert cost(world, lambda: world.deposit(*world.forms(1, 0), reference="lot-0")) == REPEATED_DEPOSIT
