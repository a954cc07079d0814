"""How PostgreSQL finds each search that the bench measures: by indexes, and never by all that there is.

Plans are looked at, not clocks. Among so few rows to read everything is cheap: it is forbidden here, so that what is
still read whole has no index.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from sqlalchemy import text

from bench.measures.search_rows import fill
from bench.measures.searches import FAR, PAGE, far_place, searches
from registration.demandes.newest import WALK
from storage.database import Database
from storage.migrate import upgrade
from tests.support.plans import Plan, plans_of
from tests.support.postgres import PostgresServer

pytestmark = pytest.mark.long
ROWS = 40_000
LARGE = {"demande", "certificat", "demande_revocation", "structure", "personne"}


@pytest.fixture(scope="module")
def filled() -> Iterator[Database]:
    server = PostgresServer()
    server.start()
    url = server.create("recherches")
    upgrade(url)
    db = Database(url)
    fill(db, ROWS)
    with db.engine.begin() as connection:
        connection.execute(text("ALTER DATABASE recherches SET enable_seqscan = off"))
    db.dispose()
    yield db
    db.dispose()
    server.stop()


def faults(plan: Plan, perimeter: int) -> Iterator[str]:
    for kind, name in plan.ways:
        if kind == "Seq Scan" and name in LARGE:
            yield f"{name} is read whole"
    for node in plan.nodes:
        if node.get("Index Name") in {"ix_demande__perimetre", "ix_demande__fins"} and node.get("Heap Fetches"):
            yield f"{node['Index Name']} does not answer alone"
        if node["Node Type"] == "Sort" and node["Plans"][0]["Actual Rows"] > max(perimeter, PAGE):
            yield "more is sorted than anybody may follow"
    if plan.rows_read > max(WALK, perimeter):
        yield f"{plan.rows_read} rows are read"


def test_each_search_is_found_by_an_index_and_reads_what_is_his(filled: Database) -> None:
    # An index of a perimeter never holds more than the demandes of so many of the structures.
    perimeters = {"porteur": 100, "application 3000": ROWS // 2}
    found, seen = [], 0
    for search in searches(filled):
        perimeter = perimeters.get(search.who, ROWS // 10)
        if search.kind == "révocations":
            # Their demandes: all of these in order cost less here than those of a perimeter one by one.
            perimeter = ROWS
        for page, after in (("1", None), (str(FAR), far_place(search))):
            for plan in plans_of(filled, partial(search.find, after=after)):
                found += [f"{search.name}, page {page}: {fault}" for fault in faults(plan, perimeter)]
                seen += 1
    assert found == []
    assert seen > 500


def test_the_look_sees_what_has_no_index(filled: Database) -> None:
    """Without the index of perimeters their searches read everything; without that of ends the list to renew does."""
    with filled.engine.begin() as connection:
        connection.execute(text("DROP INDEX ix_demande__perimetre"))
        connection.execute(text("DROP INDEX ix_demande__fins"))
        connection.execute(text("DROP INDEX ix_demande__echeances"))  # of the home page, which would do
    seen = {
        search.kind
        for search in searches(filled)
        if search.who == "application 300"
        for plan in plans_of(filled, partial(search.find, after=None))
        if any(faults(plan, ROWS // 10))
    }
    assert seen >= {"demandes", "produits", "à renouveler"}
