"""How PostgreSQL finds what the home and the list of lots ask: by indexes, however many demandes there are.

As ``test_search_plans``: plans are looked at, not clocks, and what is read whole is forbidden.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from sqlalchemy import text

from bench.measures.search_rows import NOW, fill
from bench.measures.searches import WHO
from registration.lots.listing import list_lots
from registration.tableau import reading
from registration.tableau.reading import read_tableau
from storage.database import Database
from storage.migrate import upgrade
from tests.support.plans import plans_of
from tests.support.postgres import PostgresServer

pytestmark = pytest.mark.long
ROWS, LOTS = 40_000, 4_000
LARGE = {"demande", "certificat", "demande_revocation", "lot", "lot_structure"}
_LOTS = """
INSERT INTO lot (id, plateforme, nature, id_acteur, reference, empreinte, nombre, depose_le)
SELECT n, 'TEST', 'CERTIFICATS', (SELECT min(id) FROM acteur), 'lot-' || n, '\\x00', 1, now()
FROM generate_series(1, :lots) AS n
"""
_STRUCTURES = """
INSERT INTO lot_structure (plateforme, id_structure, offre, id_lot)
SELECT 'TEST', id_national, 'ORG', 1 + (row_number() OVER (ORDER BY id_national) * 7 + step * 131) % :lots
FROM structure, generate_series(1, 5) AS step ON CONFLICT DO NOTHING
"""


@pytest.fixture(scope="module")
def filled() -> Iterator[Database]:
    server = PostgresServer()
    server.start()
    url = server.create("accueil")
    upgrade(url)
    db = Database(url)
    fill(db, ROWS)
    with db.engine.begin() as connection:
        # Certificates live three years: some are made to end soon.
        connection.execute(text("UPDATE demande SET produit_fin_le = produit_fin_le - interval '33 months'"))
        connection.execute(text(_LOTS), {"lots": LOTS})
        connection.execute(text(_STRUCTURES), {"lots": LOTS})
        connection.execute(text("ALTER DATABASE accueil SET enable_seqscan = off"))
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    db.dispose()
    yield db
    db.dispose()
    server.stop()


def faults(db: Database, act: Callable[[], object], most: int) -> Iterator[str]:
    for plan in plans_of(db, act):
        for kind, name in plan.ways:
            if kind == "Seq Scan" and name in LARGE:
                yield f"{name} is read whole"
        for node in plan.nodes:
            if node.get("Index Name") in {"ix_demande__fins", "ix_demande__limite_retrait"}:
                yield f"{node['Index Name']} is of everybody"
            if node.get("Relation Name") == "demande" and node["Actual Rows"] * node["Actual Loops"] > most:
                yield f"{node['Actual Rows']} demandes"


def test_the_home_reads_what_is_his(filled: Database) -> None:
    found, ending = [], 0
    for who, acteur in WHO.items():
        act = partial(read_tableau, filled, acteur, NOW)
        ending += sum(month.compte.nombre for month in act().echeances)
        most = ROWS // 2 if who == "application 3000" else ROWS // 10
        found += [f"{who}: {fault}" for fault in faults(filled, act, most)]
        assert len(list(plans_of(filled, act))) <= 12, who
    assert found == []
    assert ending > 100


def test_lots_are_found_without_a_look_at_their_demandes(filled: Database) -> None:
    found, listed = [], 0
    for who, acteur in WHO.items():
        act = partial(list_lots, filled, acteur, limit=20)
        listed += len(act().lots)
        found += [f"{who}: {fault}" for fault in faults(filled, act, 200)]
    assert found == []
    assert listed > 20


def test_ends_beyond_what_one_walk_counts_are_counted_by_month(
    filled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for acteur in WHO.values():
        usual = read_tableau(filled, acteur, NOW).echeances
        with monkeypatch.context() as patch:
            patch.setattr(reading, "AT_ONCE", 5)
            assert read_tableau(filled, acteur, NOW).echeances == usual


def test_the_look_sees_what_has_no_index(filled: Database) -> None:
    acteur = WHO["application 300"]
    with filled.engine.begin() as connection:
        connection.execute(text("DROP INDEX ix_demande__echeances"))
        connection.execute(text("DROP INDEX ix_demande__perimetre"))
        connection.execute(text("DROP INDEX ix_demande__a_retirer"))
    assert list(faults(filled, partial(read_tableau, filled, acteur, NOW), ROWS // 10))
