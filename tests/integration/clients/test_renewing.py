"""igc-client renews by cron against our own SOAP canal: what ends soon, with keys made here, safe to run again."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from sqlalchemy import update

from clients.cli.main import run
from clients.lots.renewing import DONE_NAME
from clients.service.lots import ServiceLots
from storage import tables
from storage.database import Database
from tests.integration.clients.real_service import RealService
from tests.support.hierarchies import Hierarchy
from tests.support.processes import wait_until
from tests.support.produits import conditions
from tests.support.world import World

pytestmark = pytest.mark.long
CODE = "Sesame-ouvre-toi-1"


@pytest.fixture
def real(database: Database, hierarchy: Hierarchy, tmp_path: Path) -> Iterator[RealService]:
    folder = tmp_path / "tls"
    folder.mkdir()
    with RealService(database, hierarchy, folder).running() as service:
        yield service


@pytest.fixture
def command(real: RealService, tmp_path: Path) -> list[str]:
    certificate, key = real.client_files
    (tmp_path / "code").write_text(CODE + "\n")
    return ["--url", real.url, "--certificat", str(certificate), "--cle", str(key), "--ca", str(real.ca_file)]


def products(world: World, count: int, *, days: int = 10) -> list[int]:
    """So many active products whose certificates end in so many days."""
    index = world.deposit(*world.forms(count), reference="anciens").index
    wait_until(lambda: [row.etat_produit for row in world.demandes(index)] == ["A_RETIRER"] * count)
    world.ra.retraits.withdraw_page(world.origin(), index, conditions(), after=0, limit=40)
    numeros = world.numeros(index)
    world.set_end(numeros, world.clock() + timedelta(days=days))
    return numeros


def renew(command: list[str], folder: Path, *more: str) -> int:
    code = str(folder.parent / "code")
    return run([*command, "renouveler", str(folder), "--code-fichier", code, "--accepter-cgu", *more])


def manifests(folder: Path) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = []
    for path in sorted(folder.glob("*/certificats/manifeste.csv")):
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows += csv.DictReader(stream, delimiter=";")
    return rows


def test_what_ends_soon_is_renewed_once_with_keys_made_here(
    real: RealService, command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world, folder = real.world, tmp_path / "renouvellements"
    old = products(world, 5)
    assert run([*command, "a-renouveler", "--jours", "9", "--csv", str(tmp_path / "liste.csv")]) == 0
    assert (tmp_path / "liste.csv").read_text("utf-8-sig").count("\n") == 1
    assert run([*command, "a-renouveler", "--jours", "10", "--csv", str(tmp_path / "liste.csv")]) == 0
    with (tmp_path / "liste.csv").open(encoding="utf-8-sig", newline="") as stream:
        assert [int(row["numéro"]) for row in csv.DictReader(stream, delimiter=";")] == old
    capsys.readouterr()
    assert renew(command, folder, "--jours", "10") == 0
    assert "5 certificat(s) sur 5 renouvellement(s)" in capsys.readouterr().out
    rows = manifests(folder)
    assert len(rows) == 5
    for row in rows:
        certificate = x509.load_pem_x509_certificate(
            (next(folder.glob("*/certificats")) / row["fichier"].replace(".p7b", ".pem")).read_bytes()
        )
        key = serialization.load_pem_private_key(
            (next(folder.glob("*/certificats")) / row["cle"]).read_bytes(), password=None
        )
        assert key.public_key() == certificate.public_key()
    renewed = {world.demande(int(row["numeroDemande"])).renouvelle for row in rows}
    assert renewed == set(old)
    # Again, as cron does the next day: nothing is left, nothing is made.
    before = sorted(folder.rglob("*"))
    assert renew(command, folder, "--jours", "10") == 0
    assert "Rien à renouveler" in capsys.readouterr().out
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("operation", ["deposer_lot", "suivre_lot", "retirer_page_lot"])
def test_a_run_that_was_killed_is_taken_up_again(
    real: RealService, command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    world, folder = real.world, tmp_path / "renouvellements"
    old = products(world, 3)

    def die(*_arguments: Any, **_options: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ServiceLots, operation, die)
        assert renew(command, folder) == 130
    (lot,) = folder.glob("*/lot.xml")
    assert not (lot.parent / DONE_NAME).exists()
    assert renew(command, folder) == 0
    assert {world.demande(int(row["numeroDemande"])).renouvelle for row in manifests(folder)} == set(old)
    assert [path.parent for path in folder.glob(f"*/{DONE_NAME}")] == [lot.parent]


def test_what_is_refused_is_told_and_tried_again_by_the_next_run(
    real: RealService, command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world, folder = real.world, tmp_path / "renouvellements"
    products(world, 2)
    with world.db.write() as session:
        session.execute(update(tables.Structure).values(disparu_le=world.clock()))
    assert renew(command, folder) == 1
    assert "ERR_IHM_005" in capsys.readouterr().out
    with world.db.write() as session:
        session.execute(update(tables.Structure).values(disparu_le=None))
    assert renew(command, folder) == 0
    assert sorted(row["etat"] for row in manifests(folder)) == ["CLOSE"] * 2 + ["REJETEE"] * 2


def test_without_the_cgu_nothing_is_made(command: list[str], tmp_path: Path) -> None:
    assert run([*command, "renouveler", str(tmp_path / "r")]) == 2
    assert not (tmp_path / "r").exists()


def test_renewals_in_a_table(real: RealService, command: list[str], tmp_path: Path) -> None:
    """For who chooses what to renew: the same commands as for any lot."""
    old = products(real.world, 2)
    table = tmp_path / "choisis.csv"
    table.write_text(f"reference;renouvelle;emailInforme\nun;{old[0]};x@acacias.example\n", encoding="utf-8")
    lot = tmp_path / "choisis.xml"
    assert run([*command, "cles", str(table), "--dossier", str(tmp_path / "cles"), "--sortie", str(lot)]) == 0
    more = ["--code-fichier", str(tmp_path / "code"), "--accepter-cgu"]
    assert run([*command, "tout", str(lot), str(tmp_path / "certificats"), *more]) == 0
    (new,) = [row for row in real.world.demandes(2) if row.renouvelle]
    assert (new.renouvelle, new.email_informe) == (old[0], "x@acacias.example")
