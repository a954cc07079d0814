"""Whoever comes first wins, the other is told, and nothing is done by halves: pair by pair, in every order."""

from __future__ import annotations

import pytest

from tests.integration.registration.races import RACES, Product
from tests.support.invariants import breaches
from tests.support.races import FIRST_CHANGE, Race, behind_statements, many_times
from tests.support.world import World

RACE = pytest.mark.parametrize("race", RACES, ids=lambda race: race.name)
ORDER = pytest.mark.parametrize("second_first", [False, True], ids=["first one held", "second one held"])


@RACE
@ORDER
def test_one_in_the_middle_of_its_change(world: World, race: Race[Product], *, second_first: bool) -> None:
    assert behind_statements(race, world, second_first=second_first, places=[FIRST_CHANGE]) == 1


@pytest.mark.long
@RACE
@ORDER
def test_one_behind_any_of_its_statements(world: World, race: Race[Product], *, second_first: bool) -> None:
    assert behind_statements(race, world, second_first=second_first) > 2
    assert breaches(world.db) == []


@pytest.mark.long
@RACE
def test_both_at_the_same_moment_many_times(world: World, race: Race[Product]) -> None:
    assert many_times(race, world, 12).total() == 12
    assert breaches(world.db) == []
