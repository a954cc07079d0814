"""Real parts for the batch: one ceremony and one pool of keys a session, one database a test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from storage.database import Database
from tests.integration.batch.keys import CsrPool
from tests.integration.batch.world import BatchWorld, make_batch_world
from tests.support.clock import Clock
from tests.support.hierarchies import Hierarchy


@pytest.fixture(scope="session", autouse=True)
def _short_tracebacks() -> Iterator[None]:
    """The log of failures that the tests provoke, without the locals of every frame: those take seconds."""
    renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, renderer])
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def csrs() -> CsrPool:
    """Certification requests for every test of the session."""
    return CsrPool()


@pytest.fixture
def world(database: Database, hierarchy: Hierarchy, csrs: CsrPool, queue_url: str) -> BatchWorld:
    """A fresh database of this set with its little world; its root signs elsewhere."""
    return make_batch_world(database, hierarchy, csrs, queue_url)


@pytest.fixture
def clock(world: BatchWorld) -> Clock:
    """The clock of every part of this test's world, which stands still."""
    return world.clock.stop()
