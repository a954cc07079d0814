"""The client is killed, wherever it is, and started again on Monday: nothing is there twice, and nothing is missing."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.contract.values import Lot
from clients.lots.file import write_lot
from clients.lots.manifest import CSV_NAME
from storage.database import Database
from tests.integration.clients.cli_desk import COMMAND, environment
from tests.integration.clients.real_service import RealService
from tests.integration.clients.test_against_the_real_service import CODE, demande
from tests.support.hierarchies import Hierarchy

# What is proved here is the client's doing, the same on every database.
pytestmark = [pytest.mark.long, pytest.mark.parametrize("service_set", ["embedded"], indirect=True)]
_STEP = 2_500
_ITEMS = 6


@pytest.fixture
def real(database: Database, hierarchy: Hierarchy, tmp_path: Path) -> Iterator[RealService]:
    folder = tmp_path / "tls"
    folder.mkdir()
    with RealService(database, hierarchy, folder).running() as service:
        yield service


def desk(real: RealService, folder: Path) -> None:
    cert, key = real.client_files
    address = f"https://127.0.0.1:{real.line.port}/ws/lots/1.0"
    (folder / "igc-client.toml").write_text(
        f'url = "{address}"\ncertificat = "{cert}"\ncle = "{key}"\nca = "{real.ca_file}"\nessais = 1\n',
        encoding="utf-8",
    )
    (folder / "code.txt").write_text(f"{CODE}\n", encoding="utf-8")


def run_killed_at(real: RealService, folder: Path, arguments: list[str], budget: int) -> int:
    """One run of the client, killed once so many bytes have passed: how it ended, -9 when it was killed."""
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=folder, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    real.line.on_spent = process.kill
    real.line.open(budget)
    try:
        return process.wait(60)
    finally:
        process.kill()
        real.line.on_spent = lambda: None


def test_a_client_killed_anywhere_between_deposit_and_withdrawal_ends_with_each_certificate_once(
    real: RealService, tmp_path: Path
) -> None:
    desk(real, tmp_path)
    lot = Lot(reference="vendredi", demande=tuple(demande(rank, f"d-{rank}") for rank in range(_ITEMS)))
    write_lot(lot, tmp_path / "lot.xml")
    command = ["tout", "lot.xml", "certificats", "--code-fichier", "code.txt", "--accepter-cgu"]
    places: list[str] = []
    budget = 1_000
    while (end := run_killed_at(real, tmp_path, command, budget)) != 0:
        assert end == -9, "killed, or done"
        places.append(_reached(tmp_path))
        budget += _STEP
    assert {"sent, without an answer", "deposited", "withdrawing"} <= set(places), places
    with (tmp_path / "certificats" / CSV_NAME).open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter=";"))
    assert [(row["reference"], row["etat"]) for row in rows] == [(f"d-{rank}", "CLOSE") for rank in range(_ITEMS)]
    assert all((tmp_path / "certificats" / row["certificat"]).stat().st_size for row in rows)
    assert [row.reference for row in real.world.demandes(1)] == [row["reference"] for row in rows]
    assert real.world.demandes(2) == [], "one lot, however often it was sent"
    assert list((tmp_path / "certificats").glob(".*")) == []


def _reached(folder: Path) -> str:
    if (folder / "certificats" / CSV_NAME).exists():
        return "withdrawing"
    state = folder / "lot.xml.etat.json"
    if not state.exists():
        return "before anything was sent"
    return "deposited" if json.loads(state.read_text())["indexLot"] else "sent, without an answer"


def test_a_client_killed_while_it_revokes_revokes_each_certificate_once(real: RealService, tmp_path: Path) -> None:
    desk(real, tmp_path)
    write_lot(
        Lot(reference="parc", demande=tuple(demande(rank, f"d-{rank}") for rank in range(3))), tmp_path / "parc.xml"
    )
    whole = ["tout", "parc.xml", "certificats", "--code-fichier", "code.txt", "--accepter-cgu"]
    assert run_killed_at(real, tmp_path, whole, 10_000_000) == 0
    numbers = [row.id for row in real.world.demandes(1)]
    (tmp_path / "departs.csv").write_text(
        "numeroProduit\n" + "".join(f"{each}\n" for each in numbers), encoding="utf-8"
    )
    command = ["revoquer", "departs.csv", "--motif", "fin_activite", "--email", "a@acacias.example", "--oui"]
    kills, budget = 0, 1_000
    while (end := run_killed_at(real, tmp_path, command, budget)) != 0:
        assert end == -9, "killed, or done"
        kills += 1
        budget += _STEP
    assert kills > 2
    shown = subprocess.run(
        [*COMMAND, "revocations", "--json"], cwd=tmp_path, env=environment(), capture_output=True, check=False
    )
    assert shown.returncode == 4, "the line has nothing left to give"
    real.line.open(10_000_000)
    shown = subprocess.run(
        [*COMMAND, "revocations", "--json"], cwd=tmp_path, env=environment(), capture_output=True, check=True
    )
    found = json.loads(shown.stdout)
    assert sorted((one["numeroProduit"], one["resultat"]) for one in found) == [(each, "REVOQUE") for each in numbers]
