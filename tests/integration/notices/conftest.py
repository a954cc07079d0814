"""The little world on both databases, with its notices."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from storage.database import Database
from tests.integration.notices.world import NoticeWorld, make_notice_world
from tests.support.hierarchies import Hierarchy
from tests.support.invariants import breaches


@pytest.fixture
def world(database: Database, hierarchy: Hierarchy) -> Iterator[NoticeWorld]:
    """A world of this test's own, on each of the two databases; its rows are in order when the test ends."""
    yield make_notice_world(database, hierarchy)
    assert breaches(database) == []
