"""Lists as CSV files: what a spreadsheet opens, with every accent, and computes nothing of."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from clients.cli.csv_file import cell, write_csv
from runtime.cells import cell as cell_of_the_portal

COLUMNS = (("numéro", "number"), ("nom", "name"), ("le", "date"), ("FQDN", "names"))


def test_a_file_is_utf_8_with_its_mark_and_semicolons(tmp_path: Path) -> None:
    path = tmp_path / "liste.csv"
    found = SimpleNamespace(number=7, name='dé;but "x"\n', date=datetime(2026, 12, 1, 8, tzinfo=UTC), names=("a", "b"))
    nothing = SimpleNamespace(number=8, name=None, date=None, names=())
    write_csv(path, COLUMNS, [found, nothing])
    content = path.read_bytes()
    assert content.startswith('\ufeff"numéro";"nom";"le";"FQDN"\r\n'.encode())
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.reader(stream, delimiter=";"))
    assert rows[1:] == [["7", 'dé;but "x"\n', "2026-12-01 08:00:00 UTC", "a b"], ["8", "", "", ""]]


@pytest.mark.parametrize(
    "text", ["=1+1", "+33", "-1", "@x", " =1", "\u200b=1", "＝1", "\tx", "\rx", "a=1", "7", "", "été", "'"]
)
def test_what_a_spreadsheet_would_compute_is_guarded_as_on_the_portal(text: str) -> None:
    assert cell(text) == cell_of_the_portal(text)
    assert cell(text) in {text, f"'{text}"}
