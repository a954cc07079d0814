"""On PRODUCTION a database or a broker of another machine has TLS that knows it, and a password, or is never opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.settings.check import check
from runtime.settings.errors import SettingsError
from runtime.settings.model import Settings

_TLS = "sslmode=verify-full"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGHOST", "PGHOSTADDR", "PGSSLMODE", "PGSERVICE", "PGSERVICEFILE"):
        monkeypatch.delenv(name, raising=False)


def settings(folder: Path, **values: object) -> Settings:
    secret = folder / "secret"
    secret.touch(mode=0o600)
    secret.write_text("sésame")
    return Settings.from_mapping({"plateforme": "PRODUCTION", **values}, base=folder)


def _refused(folder: Path, **values: object) -> set[str]:
    """The settings that check-config names, which must be those for which a process stops."""
    here = settings(folder, **values)
    named = {problem.cle for problem in check(here)} & {
        "database_url", "database_password_file", "database_owner_url", "database_owner_password_file",
        "queue_url", "queue_password_file",
    }  # fmt: skip
    told = set()
    for dsn in (here.database_dsn, here.database_owner_dsn, here.queue_dsn):
        try:
            dsn()
        except SettingsError as error:
            told |= {problem.cle for problem in error.problems}
    assert told == named
    return named


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://igc@bd.igc.example/igc",
        "postgresql://igc@bd.igc.example/igc?sslmode=disable",
        "postgresql://igc@bd.igc.example/igc?sslmode=prefer",
        "postgresql://igc@bd.igc.example/igc?sslmode=require",
        "postgresql://igc@bd.igc.example/igc?sslmode=verify-full&sslmode=disable",
        "postgresql+psycopg://igc@192.0.2.1/igc",
        "postgresql://igc@[2001:db8::1]:5432/igc",
        "postgresql://igc@0.0.0.0/igc",
        "postgresql://igc@localhost.igc.example/igc",
        "postgresql://igc@127.0.0.1.igc.example/igc",
        "postgresql://igc@/igc?host=bd.igc.example",
        "postgresql://igc@localhost/igc?host=bd.igc.example",
        "postgresql://igc@/igc?host=localhost:5432&host=bd.igc.example:5432",
        "postgresql://igc@/igc?host=/run/postgresql,bd.igc.example",
        "postgresql://igc@localhost,bd.igc.example/igc",
        "postgresql://igc@localhost/igc?hostaddr=192.0.2.1",
        "postgresql://igc@/igc?hostaddr=192.0.2.1",
        "postgresql://igc@localhost/igc?service=ailleurs",
        "postgresql://igc@%2Frun%2Fpostgresql/igc",
    ],
)
def test_a_remote_database_without_a_recognised_server_is_refused(url: str, tmp_path: Path) -> None:
    assert _refused(tmp_path, database_url=url, database_password_file="secret") == {"database_url"}
    assert _refused(tmp_path, plateforme="TEST", database_url=url) == set()


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://igc@bd.igc.example/igc?{_TLS}",
        "postgresql://igc@192.0.2.1:5433/igc?sslmode=verify-ca&sslrootcert=/etc/igc/bd.pem",
        f"postgresql://igc@/igc?host=un.igc.example:5432&host=deux.igc.example:5432&{_TLS}",
        f"postgresql://igc@localhost/igc?service=ailleurs&{_TLS}",
    ],
)
def test_a_remote_database_has_a_password_as_well(url: str, tmp_path: Path) -> None:
    assert _refused(tmp_path, database_url=url) == {"database_password_file"}
    assert _refused(tmp_path, database_url=url, database_password_file="secret") == set()


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///igc.db",
        "postgresql:///igc",
        "postgresql://igc@localhost/igc",
        "postgresql://igc@LOCALHOST./igc",
        "postgresql://igc@127.0.0.1:5433/igc?sslmode=disable",
        "postgresql://igc@127.8.9.1/igc",
        "postgresql://igc@[::1]/igc",
        "postgresql://igc@[::ffff:127.0.0.1]/igc",
        "postgresql://igc@/igc?host=/run/postgresql",
        "postgresql://igc@/igc?host=@abstrait",
        "postgresql://igc@/igc?host=/run/postgresql,localhost",
        "postgresql://igc@bd.igc.example/igc?hostaddr=127.0.0.1",
    ],
)
def test_a_database_of_this_machine_needs_neither(url: str, tmp_path: Path) -> None:
    assert _refused(tmp_path, database_url=url) == set()


@pytest.mark.parametrize(
    ("variables", "url", "refused"),
    [
        ({"PGHOST": "bd.igc.example"}, "postgresql:///igc", True),
        ({"PGHOSTADDR": "192.0.2.1"}, "postgresql://igc@localhost/igc", True),
        ({"PGHOST": "bd.igc.example"}, "postgresql://igc@localhost/igc", False),
        ({"PGSSLMODE": "verify-full"}, "postgresql://igc@bd.igc.example/igc", False),
        ({"PGSSLMODE": "verify-full"}, "postgresql://igc@bd.igc.example/igc?sslmode=require", True),
        ({"PGSSLMODE": "disable"}, f"postgresql://igc@bd.igc.example/igc?{_TLS}", False),
    ],
)
def test_variables_of_the_driver_count(
    variables: dict[str, str], url: str, refused: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = _refused(tmp_path, database_url=url, database_password_file="secret")
    assert found == ({"database_url"} if refused else set())


def test_the_owner_of_the_tables_as_well(tmp_path: Path) -> None:
    running = {"database_url": f"postgresql://igc@bd.igc.example/igc?{_TLS}", "database_password_file": "secret"}
    owner = "postgresql://proprietaire@bd.igc.example/igc"
    found = _refused(tmp_path, **running, database_owner_url=owner)
    assert found == {"database_owner_url", "database_owner_password_file"}
    good = {"database_owner_url": f"{owner}?{_TLS}", "database_owner_password_file": "secret"}
    assert _refused(tmp_path, **running, **good) == set()


@pytest.mark.parametrize(
    "url",
    [
        "redis://file.igc.example:6379/0",
        "redis://192.0.2.1",
        "redis://[2001:db8::1]:6379/0",
        "redis://localhost%2eigc.example/0",
        "redis://file.igc.example/0?ssl_cert_reqs=required",
        "rediss://file.igc.example/0?ssl_cert_reqs=none",
        "rediss://file.igc.example/0?ssl_cert_reqs=optional",
        "rediss://file.igc.example/0?ssl_check_hostname=false",
        "rediss://file.igc.example/0?ssl_check_hostname=0",
    ],
)
def test_a_remote_broker_without_a_recognised_server_is_refused(url: str, tmp_path: Path) -> None:
    assert _refused(tmp_path, queue_url=url, queue_password_file="secret") == {"queue_url"}
    assert _refused(tmp_path, plateforme="TEST", queue_url=url) == set()


def test_a_remote_broker_has_a_password_as_well(tmp_path: Path) -> None:
    for url in ("rediss://file.igc.example:6380/1", "rediss://igc@file.igc.example?ssl_ca_certs=/etc/igc/file.pem"):
        assert _refused(tmp_path, queue_url=url) == {"queue_password_file"}
        assert _refused(tmp_path, queue_url=url, queue_password_file="secret") == set()


@pytest.mark.parametrize(
    "url",
    [
        "unix:///run/valkey.sock",
        "redis://localhost/0",
        "redis://%6cocalhost/0",
        "redis://127.0.0.1:6380",
        "redis://[::1]/0",
    ],
)
def test_a_broker_of_this_machine_needs_neither(url: str, tmp_path: Path) -> None:
    assert _refused(tmp_path, queue_url=url) == set()
    assert _refused(tmp_path) == set()


@pytest.mark.parametrize(
    "values",
    [
        {"queue_url": "redis://h/0?pass%77ord=motdepasse"},
        {"queue_url": "rediss://h/0?ssl_password=motdepasse"},
        {"database_url": "postgresql://igc@h/b?pass%77ord=motdepasse"},
        {"database_url": "postgresql://igc@h/b?sslpassword=motdepasse"},
    ],
)
def test_no_spelling_of_a_password_stands_in_an_address(values: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="mot de passe interdit ici") as refused:
        settings(tmp_path, **values)
    assert "motdepasse" not in str(refused.value)
