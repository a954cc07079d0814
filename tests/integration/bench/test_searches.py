"""The searches of the bench, among a few thousand rows: each finds what it is meant to find, so that none is free."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.measures.portal_pages import measure_portal_pages
from bench.measures.searches import filled, measure_searches
from bench.measuring.figures import Book
from tests.support.postgres import PostgresServer

pytestmark = pytest.mark.long


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    server = PostgresServer()
    server.start()
    yield server
    server.stop()


def test_every_search_is_measured(server: PostgresServer) -> None:
    book = Book()
    with filled(server, 3_000) as db:
        measure_searches(db, book, rows=3_000, times=2)
    for key in ("search_p95_ms", "search_cpu_p95_ms", "search_large_p95_ms"):
        assert len(book.figures[key].samples) == 2
    assert book.values["search_rows"] == 3_000
    assert len(book.values["search_slowest_ms"]) == 12
    for name in (
        "demandes, administrateur 300, TOUTES, page 1",
        "produits, application 300, REVOQUE, page 1",
        "révocations, application 300, TOUTES, page 1",
    ):
        assert name not in book.values["search_empty"]
    assert "demandes, porteur, une structure, page 1" in book.values["search_empty"]


def test_every_page_is_measured(server: PostgresServer) -> None:
    book = Book()
    with filled(server, 3_000) as db:
        measure_portal_pages(db, book, times=2)
    assert len(book.figures["portal_p95_ms"].samples) == 2
    assert {"accueil", "demandes, page 6", "détail"} <= book.values["portal_ms"].keys()
