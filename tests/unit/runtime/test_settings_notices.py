"""What the section of notices refuses: plain ways to other machines, half a login, a sender that is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runtime.settings.check import check, warnings
from runtime.settings.errors import SettingsError
from runtime.settings.model import Settings

_SENDER = "ne-pas-repondre@igc.example"


def settings(folder: Path, plateforme: str = "PRODUCTION", **smtp: Any) -> Settings:
    notices = {"sender": _SENDER, "smtp": smtp}
    return Settings.from_mapping({"plateforme": plateforme, "notices": notices}, base=folder)


@pytest.mark.parametrize("host", ["smtp.igc.example", "192.0.2.25", "localhost.igc.example"])
def test_nothing_goes_in_clear_to_another_machine_on_production(host: str, tmp_path: Path) -> None:
    plain = settings(tmp_path, host=host, security="none")
    assert [one.cle for one in plain.notices_problems()] == ["notices.smtp.security"]
    assert "notices.smtp.security" in [one.cle for one in check(plain)]
    assert settings(tmp_path, host=host, security="tls").notices_problems() == ()
    assert settings(tmp_path, host=host).notices_problems() == ()
    assert settings(tmp_path, "TEST", host=host, security="none").notices_problems() == ()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_to_this_machine_it_may(host: str, tmp_path: Path) -> None:
    assert settings(tmp_path, host=host, security="none").notices_problems() == ()


@pytest.mark.parametrize(
    "notices",
    [
        {"smtp": {"host": "smtp.igc.example"}},  # from whom?
        {"sender": "personne"},
        {"sender": f"{_SENDER}\r\nBcc: tous@igc.example"},
        {"issuer": "IGC\r\nBcc: tous@igc.example"},
        {"issuer": "IGC <a@b.example>"},
        {"sender": _SENDER, "smtp": {"host": "h", "user": "igc"}},
        {"sender": _SENDER, "smtp": {"host": "h", "user": "igc", "password_file": "s", "security": "none"}},
    ],
)
def test_what_cannot_be_meant_is_refused(notices: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        Settings.from_mapping({"notices": notices}, base=tmp_path)


def test_files_that_are_missing_are_told_and_production_without_a_server_warned_of(tmp_path: Path) -> None:
    told = [
        one.cle for one in check(settings(tmp_path, host="h", user="igc", password_file="absent", ca_file="absent.pem"))
    ]
    assert {"notices.smtp.ca_file", "notices.smtp.password_file"} <= set(told)
    assert "notices.smtp.host" in [one.cle for one in warnings(settings(tmp_path))]
    assert "notices.smtp.host" not in [one.cle for one in warnings(settings(tmp_path, "TEST"))]
