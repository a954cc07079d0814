"""Imports into the directory stand in the audit trail as they ended, and the auditor compares."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Executable, delete, select, update

from storage import tables
from storage.bulk import insert_rows
from tests.integration.operateur.conftest import Desk

_import = tables.ImportAnnuaire


@pytest.fixture
def imported(desk: Desk, tmp_path: Path) -> Desk:
    path = tmp_path / "structures.csv"
    path.write_text("identifiant;raison_sociale;departement\n10B0990017;CLINIQUE DU LAC;74\n")
    desk.good("directory", "import", "structures", path, "--partial")
    return desk


def test_an_import_that_ended_is_told_as_it_stands(imported: Desk) -> None:
    assert imported.faults() == []


@pytest.mark.parametrize(
    "harm",
    [update(_import).values(ajouts=7), update(_import).values(etat="ABANDONNE"), delete(_import)],
    ids=["counts", "etat", "gone"],
)
def test_an_import_that_was_rewritten_is_found(imported: Desk, harm: Executable) -> None:
    db = imported.world.db
    with db.read() as session:
        before = dict(session.execute(select(_import.__table__)).mappings().one())
    with db.write() as session:
        session.execute(harm)
    (fault,) = imported.faults()
    assert "import n° 1 dans l'annuaire" in fault
    assert "ne disent pas la même" in fault
    with db.write() as session:
        session.execute(delete(_import))
        insert_rows(session, _import, [before])
