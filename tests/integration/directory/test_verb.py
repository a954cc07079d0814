"""``igc directory`` as an operator types it: import, imports, find; what is refused is one line, what is left out a file."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select

from bench.directory import measure_directory
from bench.extracts import Professionals, write_finess
from registration.directory.imports import ImportRefusedError, last_imports
from registration.vocabulary import EtatImport, Plateforme
from runtime.errors import OperatorError
from runtime.processes.bound import bound
from storage import tables
from storage.database import Database
from tests.support.verbs import igc, write_settings

SMALL = Professionals(400)
STAFF = "identifiant;type;nom;prenom;titre;structure\n"


@pytest.fixture
def config(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "ici").mkdir()
    monkeypatch.chdir(tmp_path / "ici")
    return write_settings(tmp_path / "igc.toml", {"data_dir": str(tmp_path), "database_url": database_url})


def count(db: Database, model: type[tables.Structure | tables.Personne]) -> int:
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(model).where(model.disparu_le.is_(None))) or 0


def test_an_empty_directory_is_filled_from_the_files_of_the_page(
    config: Path, database: Database, tmp_path: Path
) -> None:
    done = igc("directory", "import", "rpps", SMALL.write(tmp_path / "rpps.txt"), "--config", config)
    assert (done.exit_code, done.exception) == (0, None)
    assert "Lignes lues : 400 ; écartées : 0." in done.output
    done = igc("directory", "import", "finess", write_finess(tmp_path / "finess.csv", range(500, 520)), "-c", config)
    assert "Structures : ajouts : 20 ;" in done.output
    structures = tmp_path / "structures.csv"
    structures.write_text("identifiant;raison_sociale;departement\n10B0039137;Hôpital de l'Œuvre;75\n")
    assert igc("directory", "import", "structures", structures, "-c", config).exit_code == 0
    staff = tmp_path / "personnel.csv"
    staff.write_text(
        f"{STAFF}30B0039137/CPE001;PE;BERTIN;Hugo;Agent;10B0039137\n30B0039137/CPE002;PE;;X;Agent;10B0039137\n"
    )
    done = igc("directory", "import", "staff", staff, "-c", config)
    assert "écartées : 1 (voir personnel.csv.rejets.csv)" in done.output
    rejects = Path("personnel.csv.rejets.csv")
    assert rejects.read_text("utf-8-sig") == "ligne;colonne;motif\n3;nom;valeur absente\n"
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600
    done = igc("directory", "find", "--raison-sociale", "hopital de l oeu*", "-c", config)
    assert done.output == "10B0039137 ; Hôpital de l'Œuvre ; Paris (75)\n"
    done = igc("directory", "find", "--nom", "BERTIN", "--structure", "10B0039137", "-c", config)
    assert done.output == "30B0039137/CPE001 ; BERTIN Hugo ; Agent\n"
    listed = igc("directory", "imports", "-c", config).output.splitlines()
    assert [line.split(" ; ")[1] for line in listed] == ["PERSONNEL", "STRUCTURES", "FINESS_ET", "RPPS"]
    assert all("terminé" in line for line in listed)
    with database.read() as session:
        lines = session.execute(select(tables.PisteAudit.acte, tables.PisteAudit.auteur)).all()
    assert {acte for acte, _ in lines} == {"IMPORT_ANNUAIRE"}
    assert all(auteur.startswith("annuaire par ") for _, auteur in lines)


def test_the_same_file_again_says_that_there_is_nothing_to_do(config: Path, tmp_path: Path) -> None:
    path = SMALL.write(tmp_path / "rpps.txt")
    igc("directory", "import", "rpps", path, "-c", config)
    assert "déjà dans l'annuaire" in igc("directory", "import", "rpps", path, "-c", config).output
    assert not Path("rpps.txt.rejets.csv").exists()


def test_a_file_that_would_empty_the_directory_is_refused_until_it_is_meant(
    config: Path, database: Database, tmp_path: Path
) -> None:
    igc("directory", "import", "rpps", SMALL.write(tmp_path / "rpps.txt"), "-c", config)
    before = count(database, tables.Personne)
    half = Professionals(200).write(tmp_path / "rpps.txt")
    refused = igc("directory", "import", "rpps", half, "-c", config)
    assert isinstance(refused.exception, ImportRefusedError)
    assert count(database, tables.Personne) == before
    assert igc("directory", "import", "rpps", half, "--most-gone", "80", "-c", config).exit_code == 0
    assert count(database, tables.Personne) < before


@pytest.mark.parametrize(
    "words",
    [
        ("import", "rpps", "--partial"),
        ("import", "finess", "--structure", "10B0039137"),
        ("import", "staff", "--structure", "x"),
        ("find",),
        ("find", "--nom", "*"),
        ("find", "--nom", "a*", "--raison-sociale", "b*"),
    ],
)
def test_what_makes_no_sense_is_one_line(config: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    path = tmp_path / "fichier.csv"
    path.write_text(STAFF)
    given = (*words[:2], str(path), *words[2:]) if words[0] == "import" else words
    assert isinstance(igc("directory", *given, "-c", config).exception, OperatorError)


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_import_that_is_stopped_or_killed_is_not_whole_and_is_done_again(
    config: Path, database: Database, tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = Professionals(30_000)
    path = lines.write(tmp_path / "rpps.txt")
    command = [sys.executable, "-m", "commands", "directory", "import", "rpps", str(path), "-c", str(config)]
    process = subprocess.Popen(bound(command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ)
    try:
        deadline = time.monotonic() + 120
        while count(database, tables.Personne) == 0:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(number)
        _, error = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode != 0
    (row,) = last_imports(database, Plateforme.TEST, 10)
    if number == signal.SIGTERM:
        assert "relancer" in error.decode()
        assert row.etat == EtatImport.ABANDONNE
    else:
        assert row.etat == EtatImport.EN_COURS
        monkeypatch.setattr("registration.directory.imports._DEAD_AFTER", row.vivant_le - row.vivant_le)
    left = count(database, tables.Personne)
    done = igc("directory", "import", "rpps", path, "-c", config)
    assert done.exception is None
    assert count(database, tables.Personne) > left
    assert last_imports(database, Plateforme.TEST, 1)[0].etat == EtatImport.TERMINE


@pytest.mark.long
def test_an_import_lets_others_write_and_stays_small(database_url: str, tmp_path: Path) -> None:
    """What the bench measures, on both databases: lines a second, memory in its bounds."""
    values = measure_directory(tmp_path, database_url, lines=40_000)
    assert values["import_peak_mb"] < 300
    assert values["import_lines_per_cpu_s"] > 1_000
    assert values["import_again_lines_per_cpu_s"] > values["import_lines_per_cpu_s"] / 2
