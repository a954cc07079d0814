"""The little world on both databases, which these tests share; the hierarchies are made once a session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from registration.vocabulary import Plateforme
from storage.database import Database
from tests.support.hierarchies import Hierarchy
from tests.support.invariants import breaches
from tests.support.world import World, make_world


@pytest.fixture
def world(database: Database, hierarchy: Hierarchy) -> Iterator[World]:
    """A world of this test's own, on each of the two databases; its rows are in order when the test ends."""
    yield make_world(database, hierarchy)
    assert breaches(database) == []


@pytest.fixture
def production(world: World, production_hierarchy: Hierarchy) -> World:
    """The other plateforme, with the same people in it, in the same database."""
    return make_world(world.db, production_hierarchy, Plateforme.PRODUCTION)
