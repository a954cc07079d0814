"""The bench on a plateforme of either set, small: every figure is there, and the auditor's word counts."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import select, update

from bench.corpus import Stock, load_csrs
from bench.floors.signatures import RawSigner
from bench.measures.campaign import measure_campaign
from bench.measures.follow_ups import measure_follow_ups
from bench.measures.lots import measure_lots
from bench.measures.mixed import measure_mixed
from bench.measures.singles import measure_singles
from bench.measuring.figures import Book
from bench.plateforme.auditing import AuditError, require_clean_audit
from bench.plateforme.servers import services
from bench.plateforme.sets import Model, Plateforme, ServiceSet
from bench.profiling.samples import sampled
from bench.profiling.table import table
from storage import tables
from storage.database import Database
from tests.support.damage import flipped

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
_BITS, _SECONDS, _ITEMS = 2048, 0.3, 60
_WANTED = {
    "lot_rsa2048_ratio",
    "lot_rsa2048_cpu_ratio",
    "deposit_ratio",
    "single_ratio",
    "single_wait_p95_ms",
    "follow_up_ratio",
    "mixed_p95_ms",
    "campaign_cost_growth",
}


@pytest.mark.parametrize("service_set", [ServiceSet.EMBEDDED, ServiceSet.PRODUCTION])
def test_every_figure_of_a_plateforme_is_there_and_its_audit_counts(service_set: ServiceSet, tmp_path: Path) -> None:
    book, console = Book(), Console(quiet=True)
    stock = Stock(load_csrs(tmp_path / "csr.bin", 500, console))
    with ExitStack() as stack:
        samples = stack.enter_context(sampled(tmp_path / "samples", fast=True))
        served = stack.enter_context(services(tmp_path / "services")) if service_set is ServiceSet.PRODUCTION else None
        plateforme = stack.enter_context(Model(tmp_path / "p", _BITS, served).copied(workers=2))
        signer = stack.enter_context(RawSigner(_BITS))
        floor = partial(signer.round, _SECONDS)
        assert plateforme.service_set is service_set
        played = measure_lots(plateforme, stock, book, floor, samples, bits=_BITS, items=_ITEMS, rounds=2)
        measure_singles(plateforme, stock, book, floor, count=16, rounds=2)
        measure_follow_ups(plateforme, played[0].index, book, seconds=_SECONDS, rounds=2)
        measure_mixed(plateforme, stock, book, samples, items=_ITEMS, singles=20)
        measure_campaign(plateforme, stock, book, samples, console, lots=2, items=_ITEMS)
        rows = table(samples, [one.window for one in played], 2 * _ITEMS)
        require_clean_audit(plateforme, 5)
        _harm_a_certificate(plateforme)
        with pytest.raises(AuditError, match="igc audit"):
            require_clean_audit(plateforme, 5)
    told = book.as_json()
    assert set(book.figures) >= _WANTED
    assert all(book.figures[name].median > 0 and 0 <= book.figures[name].strangers <= 1 for name in _WANTED)
    assert told["campaign_bytes_per_item_by_table"]["certificat"] > 1_000
    assert {"signature", "CSR", "relais"} <= set(rows)
    # On the embedded set it may be a server of another test of this process.
    assert "base de données" in rows or service_set is ServiceSet.EMBEDDED


def _harm_a_certificate(plateforme: Plateforme) -> None:
    database, certificat = Database(plateforme.settings.database_dsn()), tables.Certificat
    try:
        with database.write() as session:
            row = session.execute(
                select(certificat.id, certificat.der).where(certificat.id_demande.is_not(None)).limit(1)
            ).one()
            session.execute(update(certificat).where(certificat.id == row.id).values(der=flipped(row.der)))
    finally:
        database.dispose()
