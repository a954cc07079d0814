"""The account that owns the tables is another one, of the same PostgreSQL database."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.settings.errors import SettingsError
from runtime.settings.model import Settings

RUNNING = "postgresql://igc@bd.example/igc"


def settings(**values: object) -> Settings:
    return Settings.from_mapping(values, base=Path("/"))


def test_without_an_owner_the_account_of_the_plateforme_makes_the_tables() -> None:
    assert settings().database_owner_dsn() == settings().database_dsn()


def test_the_owner_has_a_password_of_its_own(tmp_path: Path) -> None:
    secret = tmp_path / "owner.secret"
    secret.touch(mode=0o600)
    secret.write_text("sésame")
    owner = settings(
        database_url=RUNNING,
        database_owner_url="postgresql://proprietaire@bd.example/igc",
        database_owner_password_file=str(secret),
    )
    assert owner.database_owner_dsn().startswith("postgresql+psycopg://proprietaire:")
    assert "proprietaire" not in owner.database_dsn()


@pytest.mark.parametrize(
    ("url", "owner"),
    [
        (RUNNING, "postgresql://igc@bd.example/igc"),
        (RUNNING, "postgresql://bd.example/igc"),
        (RUNNING, "postgresql://proprietaire@bd.example/autre"),
        (RUNNING, "postgresql://proprietaire@ailleurs.example/igc"),
        (RUNNING, "postgresql://proprietaire:secret@bd.example/igc"),
        (RUNNING, "sqlite:///igc.db"),
        (None, "postgresql://proprietaire@bd.example/igc"),
        ("sqlite:///igc.db", "sqlite:///igc.db"),
    ],
)
def test_what_is_no_owner_is_refused(url: str | None, owner: str) -> None:
    with pytest.raises(SettingsError):
        settings(database_url=url, database_owner_url=owner)
