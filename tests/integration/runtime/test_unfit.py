"""A database or a queue that cannot serve is one French line, from check-config and at start, never a traceback."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from batch.queue.rq import QueueRefusedError, check_queue, refuse_unfit
from commands.trial.plateforme import Ceremony, make_plateforme
from pki.errors import PkiError
from runtime.errors import OperatorError
from runtime.settings.model import Settings
from storage.database import Database
from storage.migrate import upgrade
from storage.refusals import DatabaseRefusedError
from tests.support.databases import reserve
from tests.support.hierarchies import make_hierarchy
from tests.support.postgres import PostgresServer
from tests.support.queue_server import TcpQueueServer
from tests.support.verbs import igc, write_settings

pytestmark = pytest.mark.long

_numbers = itertools.count()
_SECRET = "s3cret-of-nobody"


@pytest.fixture(scope="module")
def plateforme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an embedded plateforme where everything is in place."""
    folder = tmp_path_factory.mktemp("plateforme")
    folder.chmod(0o700)
    make_plateforme(Settings.from_mapping({"data_dir": str(folder)}, base=folder), Ceremony(key_bits=2048))
    return folder


@pytest.fixture
def spoilt(postgres_server: PostgresServer, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database in this encoding, empty."""
    name = f"unfit_{next(_numbers)}"
    yield postgres_server.create(name, encoding=request.param)
    postgres_server.drop(name)


def secret(folder: Path, name: str, content: str) -> str:
    path = folder / name
    path.touch(mode=0o600)
    path.write_text(content)
    return str(path)


def said(folder: Path, verb: str, tmp_path: Path, **values: object) -> str:
    """What a verb of the platform refuses to start with; ``igc`` makes it one line and status 1."""
    done = igc(verb, "--config", write_settings(tmp_path / "igc.toml", {"data_dir": str(folder), **values}))
    assert isinstance(done.exception, OperatorError | PkiError), done.exception
    assert _SECRET not in str(done.exception) + done.output
    return str(done.exception)


@pytest.mark.parametrize("spoilt", ["LATIN1", "SQL_ASCII"], indirect=True)
def test_a_database_in_another_encoding_is_refused(plateforme: Path, spoilt: str, tmp_path: Path) -> None:
    with pytest.raises(DatabaseRefusedError, match="UTF8 attendu"):
        upgrade(spoilt)
    with pytest.raises(DatabaseRefusedError, match="UTF8 attendu"):
        Database(spoilt).refuse_unfit()
    for verb in ("check-config", "serve", "ws"):
        assert "UTF8 attendu" in said(plateforme, verb, tmp_path, database_url=spoilt)


@pytest.mark.parametrize("spoilt", ["UTF8"], indirect=True)
def test_a_wrong_password_is_one_line(
    plateforme: Path, spoilt: str, tmp_path: Path, postgres_server: PostgresServer
) -> None:
    upgrade(spoilt)
    postgres_server.ask_password(spoilt.rpartition("/")[2].partition("?")[0], "the right one")
    wrong = {"database_url": spoilt, "database_password_file": secret(tmp_path, "bd.secret", _SECRET)}
    for verb in ("check-config", "serve", "ws", "portal", "publication", "relay", "worker", "publish-crl"):
        assert "compte ou mot de passe refusé" in said(plateforme, verb, tmp_path, **wrong), verb
    without: dict[str, Any] = {"database_url": spoilt}
    assert "compte ou mot de passe refusé" in said(plateforme, "check-config", tmp_path, **without)
    done = subprocess.run(
        [sys.executable, "-m", "commands", "check-config", "--config", str(tmp_path / "igc.toml")],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "igc : database_url : compte ou mot de passe refusé (database_password_file)\n"
    right = {**wrong, "database_password_file": secret(tmp_path, "good.secret", "the right one")}
    settings = Settings.from_mapping({"data_dir": str(plateforme), **right}, base=tmp_path)
    database = Database(settings.database_dsn())
    database.check()
    database.dispose()


@pytest.mark.parametrize(
    ("url", "told", "lasting"),
    [
        ("postgresql+psycopg://igc@127.0.0.1:9/igc", "connexion impossible", False),
        ("postgresql+psycopg://igc@/nulle_part?host={folder}", "cette base n'existe pas", True),
        ("postgresql+psycopg://personne@/{name}?host={folder}", "compte ou mot de passe refusé", True),
        ("sqlite:////nulle/part/igc.db", "n'existe pas", True),
        ("sqlite:///{words}", "pas une base SQLite", True),
    ],
)
def test_what_is_lasting_stops_a_process_and_what_may_pass_does_not(
    url: str, told: str, lasting: bool, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    (tmp_path / "words").write_text("pas une base" * 100)
    database = Database(url.format(folder=postgres_server.folder, name="igc_template", words=tmp_path / "words"))
    with pytest.raises(DatabaseRefusedError) as refused:
        database.check()
    assert told in str(refused.value)
    assert refused.value.lasting is lasting
    if not lasting:
        database.refuse_unfit()


def test_no_file_of_secrets_is_touched_and_no_database_made(plateforme: Path, tmp_path: Path) -> None:
    values = {"data_dir": str(plateforme), "database_url": f"sqlite:///{tmp_path}/new.db"}
    done = igc("check-config", "--config", write_settings(tmp_path / "igc.toml", values))
    assert done.exit_code == 0, done.output
    assert "pas encore créée" in done.stdout
    assert not (tmp_path / "new.db").exists()


def test_a_queue_that_refuses_us(plateforme: Path, tmp_path: Path, tcp_queue: TcpQueueServer) -> None:
    wrong = {"queue_url": tcp_queue.address, "queue_password_file": secret(tmp_path, "file.secret", _SECRET)}
    for verb in ("check-config", "serve", "relay", "worker"):
        assert "compte ou mot de passe refusé" in said(plateforme, verb, tmp_path, **wrong), verb
    assert "queue_password_file" in said(plateforme, "check-config", tmp_path, queue_url=tcp_queue.address)
    away = "redis://127.0.0.1:9/0"
    assert "queue_url : connexion impossible" in said(plateforme, "check-config", tmp_path, queue_url=away)
    with pytest.raises(QueueRefusedError):
        check_queue(away)
    refuse_unfit(away)


def test_on_production_nothing_is_opened_elsewhere_without_tls_and_password(plateforme: Path, tmp_path: Path) -> None:
    """Not even asked: 192.0.2.1 answers nobody (RFC 5737)."""
    elsewhere = {
        "plateforme": "PRODUCTION",
        "database_url": "postgresql://igc@192.0.2.1/igc?sslmode=require",
        "queue_url": "redis://192.0.2.1/0",
    }
    for verb in ("check-config", "relay", "worker", "ws", "portal", "publication", "migrate", "restore"):
        told = said(plateforme, verb, tmp_path, **elsewhere)
        assert "database_url : sur PRODUCTION" in told, verb
    for verb in ("check-config", "relay", "worker"):
        told = said(plateforme, verb, tmp_path, plateforme="PRODUCTION", queue_url="rediss://192.0.2.1/0")
        assert "queue_password_file : sur PRODUCTION" in told, verb


def test_without_authorities_nothing_starts(plateforme: Path, tmp_path: Path) -> None:
    for verb in ("check-config", "serve", "ws", "portal", "publication", "worker", "check-publication"):
        told = said(plateforme, verb, tmp_path, pki={"authorities_dir": str(tmp_path)})
        assert str(tmp_path / "authorities.json") in told, verb


def test_two_authorities_under_one_name_are_refused(plateforme: Path, tmp_path: Path) -> None:
    """The later one used to take the place of ours: our own clients became strangers without a word."""
    settings = Settings.from_mapping({"data_dir": str(plateforme)}, base=plateforme)
    stranger = make_hierarchy(tmp_path / "autre", "TEST")
    others = tmp_path / "clients"
    shutil.copytree(stranger.authorities_dir, others / "autre")
    ws = {"client_ca_dir": str(others)}
    for verb in ("check-config", "serve", "ws", "portal"):
        told = said(plateforme, verb, tmp_path, ws=ws)
        assert "deux AC différentes ont ce nom court" in told, verb
        assert str(settings.pki.authorities_dir) in told, verb
        assert str(others / "autre") in told, verb


def test_an_authority_that_is_there_twice_is_one(plateforme: Path, tmp_path: Path) -> None:
    settings = Settings.from_mapping({"data_dir": str(plateforme)}, base=plateforme)
    shutil.copytree(settings.pki.authorities_dir, tmp_path / "clients" / "copie")
    values = {"data_dir": str(plateforme), "ws": {"client_ca_dir": str(tmp_path / "clients")}}
    done = igc("check-config", "--config", write_settings(tmp_path / "igc.toml", values))
    assert done.exit_code == 0, done.output


def test_limits_hold_and_nothing_stays_behind_a_pooler(postgres_server: PostgresServer, tmp_path: Path) -> None:
    """As PgBouncer does by transaction: each transaction meets another session of the server."""
    import tempfile
    import threading

    from tests.support.pooler import Pooler

    name = f"pooled_{next(_numbers)}"
    postgres_server.create(name)
    failures: list[BaseException] = []

    def write(database: Database) -> None:
        try:
            for number in range(30):
                with database.write() as session:
                    session.execute(text("SELECT :number"), {"number": number})
                    assert session.scalar(text("SHOW lock_timeout")) == "30s"
                    assert session.scalar(text("SHOW statement_timeout")) == "5min"
                reserve(database, "demande", 1)
        except BaseException as error:  # noqa: BLE001 -- told by the test's own thread
            failures.append(error)

    with tempfile.TemporaryDirectory(prefix="igc-pool-") as folder:
        with Pooler(Path(folder), postgres_server.folder, "igc", name) as pooler:
            upgrade(pooler.url)
            database = Database(pooler.url)
            threads = [threading.Thread(target=write, args=(database,)) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert failures == []
            assert reserve(database, "demande", 1) == 91
            with database.read() as session:
                session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
                assert session.scalar(text("SHOW transaction_isolation")) == "repeatable read"
            database.dispose()
            import psycopg

            for _ in range(4):
                with psycopg.connect(host=folder, port=6432, user="igc", dbname=name, autocommit=True) as other:
                    other.prepare_threshold = None
                    assert other.execute("SHOW lock_timeout").fetchone() == ("0",)
                    assert other.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)
        postgres_server.drop(name)
