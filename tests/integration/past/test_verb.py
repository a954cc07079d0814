"""``igc restore``, ``igc check-publication`` and ``igc audit`` on a restored database, as an operator calls them."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from cryptography import x509
from sqlalchemy import select, update

from batch.lists.crls import publish
from batch.past.guard import stopped
from commands.composition import Instance
from commands.processes.serve import look_for_the_past
from runtime.settings.model import Settings
from storage import tables
from tests.integration.past.conftest import Backup, seal
from tests.integration.past.test_restore import ORG, Lost, number_of, stored_list
from tests.support.databases import reserve
from tests.support.stored import crl_of
from tests.support.verbs import igc, options_of, write_settings
from tests.support.world import World


@pytest.fixture
def service_set() -> str:
    """What a verb says is the same on both databases."""
    return "embedded"


@pytest.fixture
def lost(world: World, backup: Backup) -> tuple[World, Lost]:
    world.issued(*world.forms(3))
    world.publish_crls()
    seal(world)
    restore = backup(world)
    world.clock.advance(minutes=30)
    seen = Lost(world)
    return restore(), seen


@pytest.fixture
def config(lost: tuple[World, Lost], tmp_path: Path) -> Path:
    world, _ = lost
    assert world.seals is not None
    pki = {
        "authorities_dir": world.hierarchy.authorities_dir,
        "publication_dir": world.publication,
        "seal_keys_dir": world.seals.folder,
    }
    values = {"data_dir": tmp_path, "database_url": world.database_url, "pki": pki}
    return write_settings(tmp_path / "igc.toml", values)


def test_a_start_says_it_and_leaves_the_stop(
    lost: tuple[World, Lost], config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world, _ = lost
    here = Instance(Settings.load(config))
    look_for_the_past(here)
    here.close()
    told = capsys.readouterr().err
    assert "igc serve : la base de données n'est pas celle d'avant : CRL n° 2 de ACI-CARTES-TEST publiée" in told
    assert "igc restore" in told
    assert stopped(world.db) is not None


@pytest.mark.long
def test_the_monitor_and_the_auditor_find_it_without_changing_anything(lost: tuple[World, Lost], config: Path) -> None:
    world, seen = lost
    monitor = igc("check-publication", "--config", config)
    assert monitor.exit_code == 1
    first = monitor.stdout.splitlines()[0]
    assert first.startswith("ERREUR base de données : elle n'est pas celle d'avant, tout est arrêté : CRL n° ")
    assert first.endswith("; lancer igc restore")
    audit = igc("audit", "--config", config, "--no-ocsp", "--sample", "0")
    assert audit.exit_code == 1
    assert f"porte le n° {seen.number}, la base s'arrête au n° 1 : elle a été restaurée" in audit.stdout
    assert "a disparu : la piste s'arrête à la ligne" in audit.stdout
    assert stopped(world.db) is None


def test_it_is_shown_asked_done_and_not_done_twice(lost: tuple[World, Lost], config: Path) -> None:
    world, seen = lost
    shown = igc("restore", "--config", config, "--dry-run")
    assert shown.exit_code == 0
    assert f"- CRL n° {seen.number} de {ORG} publiée, la base s'arrête au n° 1" in shown.stdout
    assert "Révocations publiées à reprendre : 2 ; de certificats que la base ne connaît pas : 2" in shown.stdout
    asked = igc("restore", "--config", config)
    assert (asked.exit_code, "ajoutez --yes. Rien n'a été fait" in asked.stderr) == (1, True)
    assert world.values(select(tables.Certificat.id).where(tables.Certificat.revoque_le.is_not(None))) == []
    done = igc("restore", "--config", config, "--yes")
    assert done.exit_code == 0
    assert "igc publish-crl" in done.stdout
    publish(world.context, ORG)
    assert number_of(crl_of(stored_list(world))) > seen.number
    again = igc("restore", "--config", config, "--yes")
    assert (again.exit_code, "rien ne montre que la base est ancienne" in again.stderr) == (1, True)
    assert igc("restore", "--config", config, "--yes", "--force").exit_code == 0


def test_broken_off_by_force_it_leaves_the_plateforme_standing_still(
    lost: tuple[World, Lost], config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing shows that the database is old, nothing but the stop keeps it from going on half restored."""
    world, _ = lost
    assert igc("restore", "--config", config, "--yes").exit_code == 0

    def died(*_args: object, **_kwargs: object) -> None:
        raise SystemExit(137)

    with monkeypatch.context() as patch:
        patch.setattr("batch.past.restoring._go_on", died)
        assert igc("restore", "--config", config, "--yes", "--force").exit_code == 137
    assert "reprise" in (stopped(world.db) or "")
    assert igc("restore", "--config", config, "--yes").exit_code == 0
    assert stopped(world.db) is None


def test_declined_it_leaves_no_stop_behind(lost: tuple[World, Lost], config: Path) -> None:
    world, _ = lost
    assert igc("restore", "--config", config, "--yes").exit_code == 0
    assert igc("restore", "--config", config, "--force").exit_code == 1
    assert stopped(world.db) is None


def test_numbers_given_while_it_asks_are_not_given_again(
    lost: tuple[World, Lost], config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The canals stand still only when somebody has found out; an operator may think it over for an hour."""
    from commands.database import restore as verb

    world, _ = lost
    given: list[int] = []

    def ask(**_kwargs: object) -> None:
        number = reserve(world.db, "demande", 1)
        with world.db.write() as session:
            session.execute(update(tables.Compteur).values(plafond=None, prochain=number + 1_000_000))
            session.execute(update(tables.Crl).values(dernier_numero=1_000_000))
        given.append(number + 999_999)

    monkeypatch.setattr(verb, "_confirm", ask)
    assert igc("restore", "--config", config).exit_code == 0
    assert reserve(world.db, "demande", 1) > given[0]
    assert stored_list(world).dernier_numero >= 1_000_000


def test_the_database_of_another_plateforme_is_not_filled_with_lists(
    lost: tuple[World, Lost], config: Path, tmp_path: Path
) -> None:
    """Two settings that do not belong together; what is published here would be entered there."""
    world, _ = lost
    index = tmp_path / "autorites"
    shutil.copytree(world.hierarchy.authorities_dir, index)
    content = json.loads((index / "authorities.json").read_text().replace("-TEST", "-AUTRE"))
    (index / "authorities.json").write_text(json.dumps(content))
    for file in index.glob("*-TEST*.pem"):
        file.rename(file.with_name(file.name.replace("-TEST", "-AUTRE")))
    text = config.read_text().replace(str(world.hierarchy.authorities_dir), str(index))
    other = tmp_path / "autre.toml"
    other.write_text(text)
    before = world.values(select(tables.Crl.autorite))
    done = igc("restore", "--config", other, "--yes", "--force")
    assert (done.exit_code, "autre plateforme" in done.stderr) == (1, True)
    assert world.values(select(tables.Crl.autorite)) == before


@pytest.mark.parametrize("words", [("--anchor", "12"), ("--lists", "/nulle/part"), ("--marks", "/nulle/part")])
def test_what_is_no_witness_is_refused(config: Path, words: tuple[str, str]) -> None:
    assert igc("restore", "--config", config, *words).exit_code == 2


def test_marks_of_another_machine_that_cannot_be_read(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "autre.json"
    file.write_text("{")
    done = igc("restore", "--config", config, "--marks", file, "--yes")
    assert (done.exit_code, "autre.json ne se lit pas" in done.stderr) == (1, True)


def test_marks_of_another_machine_move_the_numbers(lost: tuple[World, Lost], config: Path, tmp_path: Path) -> None:
    world, _ = lost
    file = tmp_path / "autre.json"
    file.write_text('{"plafonds": {"lot": 900000, "demande": 7000000}, "listes": {"' + ORG + '": 5000}}')
    assert igc("restore", "--config", config, "--marks", file, "--yes").exit_code == 0
    counters = dict(world.rows(select(tables.Compteur.nom, tables.Compteur.prochain)))
    assert counters["lot"] > 900_000
    assert counters["demande"] > 7_000_000
    assert stored_list(world).dernier_numero > 5_000


def test_the_page_names_its_options() -> None:
    page = (Path(__file__).parents[3] / "docs" / "exploitation.md").read_text("utf-8")
    section = page.split("## La base a été restaurée")[1].split("\n## ")[0]
    assert options_of("restore") - {"--config", "-c", "--yes"} == set(re.findall(r"(--[a-z][a-z-]+)", section))


def test_publish_crl_refuses_too(lost: tuple[World, Lost], config: Path) -> None:
    world, seen = lost
    before = stored_list(world).dernier_numero
    done = igc("publish-crl", "--config", config, "--authority", ORG)
    assert done.exit_code != 0
    assert stored_list(world).dernier_numero == before
    assert world.publication is not None
    published = x509.load_der_x509_crl((world.publication / "CRL" / f"{ORG}-delta.crl").read_bytes())
    assert number_of(published) == seen.number
