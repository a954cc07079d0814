"""The little world on both databases; the hierarchy is made once a session."""

from __future__ import annotations

import pytest

from storage.database import Database
from tests.support.hierarchies import Hierarchy, make_hierarchy
from tests.support.world import World, make_world


@pytest.fixture(scope="session")
def ac_hierarchy(tmp_path_factory: pytest.TempPathFactory) -> Hierarchy:
    return make_hierarchy(tmp_path_factory.mktemp("hierarchy-ac"), "TEST")


@pytest.fixture
def world(database: Database, ac_hierarchy: Hierarchy) -> World:
    return make_world(database, ac_hierarchy)
