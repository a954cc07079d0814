"""The little world on both databases; the hierarchies are made once a session."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.database import Database
from tests.support.hierarchies import Hierarchy, make_hierarchy
from tests.support.world import World, make_world


@pytest.fixture(scope="session")
def test_hierarchy(tmp_path_factory: pytest.TempPathFactory) -> Hierarchy:
    """The authorities of plateforme TEST."""
    return make_hierarchy(tmp_path_factory.mktemp("hierarchy-test"), "TEST")


@pytest.fixture
def world(database: Database, test_hierarchy: Hierarchy) -> World:
    """A world of this test's own, on each of the two databases."""
    return make_world(database, test_hierarchy)
