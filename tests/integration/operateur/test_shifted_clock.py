"""The clock that a plateforme of TEST is given: of every verb, told aloud, and never on PRODUCTION."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from commands.composition import load_settings
from runtime.clock import shift_clock, system_clock
from runtime.settings.errors import SettingsError
from runtime.settings.model import Settings
from tests.support.verbs import igc, write_settings

_TEN_DAYS = 864_000
_COMMANDS = Path(__file__).parents[3] / "commands"


@pytest.fixture(autouse=True)
def _clock_as_before() -> Iterator[None]:
    yield
    shift_clock(timedelta(0))


def ahead() -> timedelta:
    return system_clock() - datetime.now(UTC)


def test_it_is_ahead_by_what_the_settings_say_and_no_more(tmp_path: Path) -> None:
    config = write_settings(tmp_path / "igc.toml", {"clock_shift_seconds": _TEN_DAYS})
    load_settings(config)
    assert abs(ahead() - timedelta(days=10)) < timedelta(hours=1)
    config.write_text("")
    load_settings(config)
    assert abs(ahead()) < timedelta(hours=1)


@pytest.mark.parametrize("words", [("check-config",), ("audit",), ("relay",), ("demande", "find", "1"), ("migrate",)])
def test_production_refuses_it_whatever_is_started(tmp_path: Path, words: tuple[str, ...]) -> None:
    settings = {"plateforme": "PRODUCTION", "data_dir": tmp_path, "clock_shift_seconds": 1}
    done = igc(*words, "--config", write_settings(tmp_path / "igc.toml", settings))
    assert done.exit_code != 0
    assert isinstance(done.exception, SettingsError) or "clock_shift_seconds" in done.output
    assert list(tmp_path.iterdir()) == [tmp_path / "igc.toml"]


def test_production_without_it_is_as_before(tmp_path: Path) -> None:
    config = write_settings(tmp_path / "igc.toml", {"plateforme": "PRODUCTION", "clock_shift_seconds": 0})
    assert Settings.load(config).clock_shift_seconds == 0


def test_every_process_and_verb_takes_its_settings_with_its_clock() -> None:
    found = [
        f"{path.relative_to(_COMMANDS)}:{number}"
        for path in sorted(_COMMANDS.rglob("*.py"))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if re.search(r"\bSettings\.load\(", line)
    ]
    assert [place.partition(":")[0] for place in found] == ["composition.py"]
