"""The little world on both databases."""

from __future__ import annotations

import pytest

from storage.database import Database
from tests.support.hierarchies import Hierarchy
from tests.support.world import World, make_world


@pytest.fixture
def world(database: Database, hierarchy: Hierarchy) -> World:
    return make_world(database, hierarchy)
