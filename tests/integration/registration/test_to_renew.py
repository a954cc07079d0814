"""« À renouveler » (guide §8.6): what may be renewed now and is not yet, across the acteur's structures, by page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from registration.errors import Code, IgcError
from registration.views import DemandePage, RenewalCriteria
from registration.vocabulary import Offre, Usage
from tests.integration.registration.renewing import active, end_of, renewal, withdraw
from tests.support.acteurs import CLINIQUE, HOPITAL
from tests.support.acteurs import withdraw_rights as take_rights
from tests.support.clock import NOON
from tests.support.world import World


def listed(
    world: World, sender: str | None = None, *, after: int | None = None, limit: int = 100, **criteria: object
) -> DemandePage:
    acteur = world.origin(sender).acteur
    return world.ra.demandes.to_renew(acteur, RenewalCriteria(**criteria), after=after, limit=limit)  # type: ignore[arg-type]  # by name


def numeros(page: DemandePage) -> list[int]:
    return [view.numero for view in page.demandes]


@pytest.mark.parametrize(
    ("shift", "there"),
    [
        (timedelta(days=-30, microseconds=-1), False),
        (timedelta(days=-30), True),
        (timedelta(days=10), True),
        (timedelta(days=10, microseconds=1), False),
    ],
)
def test_it_is_there_as_long_as_it_may_be_renewed(world: World, shift: timedelta, there: bool) -> None:
    numero = active(world)
    world.clock.now = end_of(world, numero) + shift
    assert numeros(listed(world)) == ([numero] if there else [])


def test_only_what_is_withdrawn_and_has_no_renewal(world: World) -> None:
    active(world)
    world.place(world.form(key=1))
    world.run_batch()  # signed, and to withdraw
    gone = active(world, key=2)
    world.clock.now = end_of(world, gone)
    first, last = numeros(listed(world))
    assert last == gone
    new = world.place(renewal(gone))
    assert numeros(listed(world)) == [first]
    world.cancel(new)
    assert numeros(listed(world)) == [first, gone]
    new = world.place(renewal(gone, 51))
    world.run_batch()
    withdraw(world, new)
    assert numeros(listed(world)) == [first]


def test_what_ends_first_comes_first_and_pages_follow_each_other(world: World) -> None:
    """Six of one lot end in the same second; whatever the size of the pages, each is there once."""
    late = active(world)
    world.clock.advance(days=-1)
    index = world.issued(*world.forms(6, first_key=1))
    same = world.numeros(index)
    for numero in same:
        withdraw(world, numero)
    world.clock.now = end_of(world, late)
    for size in (1, 2, 3, 7, 8):
        found, after = list[int](), None
        while True:
            page = listed(world, limit=size, after=after)
            found += numeros(page)
            if page.next_after is None:
                break
            after = page.next_after
        assert found == [*same, late]


def test_a_renewal_between_two_pages_moves_nothing(world: World) -> None:
    index = world.issued(*world.forms(4))
    all_ = world.numeros(index)
    for numero in all_:
        withdraw(world, numero)
    world.clock.now = end_of(world, all_[0])
    first = listed(world, limit=2)
    world.place(renewal(all_[1]))
    assert numeros(listed(world, limit=2, after=first.next_after)) == all_[2:]


@pytest.mark.parametrize("after", [99, 0, -1, 2**63 - 1])
def test_what_was_on_no_page_is_no_place_to_go_on_from(world: World, after: int) -> None:
    with pytest.raises(IgcError) as told:
        listed(world, after=after)
    assert told.value.code is Code.CRITERIA_INVALID


def test_it_crosses_the_structures_and_follows_the_rights_of_today(world: World) -> None:
    here = active(world)
    there = active(world, key=1, structure=CLINIQUE)
    personal = active(world, "PS_SIGN", key=2)
    world.clock.now = end_of(world, personal)
    assert numeros(listed(world)) == [here, there, personal]
    assert numeros(listed(world, "administrateur")) == [here]
    assert numeros(listed(world, "ide-marchand")) == [there]
    assert numeros(listed(world, "inconnu")) == []
    with pytest.raises(IgcError) as told:
        listed(world, "ide-marchand", after=here)
    assert told.value.code is Code.CRITERIA_INVALID
    take_rights(world.db, world.acteurs["dr-leroux"], NOON)
    assert numeros(listed(world)) == [personal]


def test_who_bears_it_and_may_not_ask_for_it_is_not_told_to_renew_it(world: World) -> None:
    numero = active(world, "PRO_AUTH")
    world.clock.now = end_of(world, numero)
    take_rights(world.db, world.acteurs["administrateur"], NOON)
    assert numeros(listed(world, "administrateur")) == []


def test_the_criteria_narrow_it(world: World) -> None:
    client, server = active(world), active(world, "SERV_SSL_SERV", key=1)
    elsewhere = active(world, key=2, structure=CLINIQUE)
    world.clock.now = end_of(world, client) - timedelta(days=20)
    assert numeros(listed(world, offre=Offre.SERV)) == [server]
    assert numeros(listed(world, usage=Usage.AUTH_CLI)) == [client, elsewhere]
    assert numeros(listed(world, structure=HOPITAL)) == [client, server]
    assert numeros(listed(world, jours=19)) == []
    assert numeros(listed(world, jours=20)) == [client, server, elsewhere]
    # The window is the limit, whatever is asked for.
    world.clock.advance(days=-20)
    assert numeros(listed(world, jours=365)) == []


def test_the_details_are_those_of_the_follow_up(world: World) -> None:
    numero = active(world)
    world.clock.now = end_of(world, numero) + timedelta(hours=1)
    (view,) = listed(world).demandes
    followed = world.ra.demandes.read(world.origin().acteur, numero).demande
    assert view == followed
    assert str(view.etat_produit) == "EXPIRE"
