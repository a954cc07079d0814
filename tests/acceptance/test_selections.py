"""``make test`` and ``make test-long`` together run every test exactly once."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

_ROOT = Path(__file__).parents[2]


def _selection(chore: str) -> list[str]:
    """The arguments that a chore of the Makefile gives to pytest."""
    recipe = re.search(rf"^{chore}:.*\n((?:\t.*\n)+)", (_ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert recipe is not None
    (line,) = [line.strip() for line in recipe[1].splitlines() if "$(PYTEST)" in line]
    return shlex.split(line.removeprefix("$(PYTEST)"))


_PROGRAM = """
import json, sys
import pytest

class Collected:
    def pytest_collection_finish(self, session):
        self.names = [item.nodeid for item in session.items]

found = []
for arguments in json.load(sys.stdin):
    plugin = Collected()
    assert pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider", *arguments], [plugin]) == 0
    found.append(plugin.names)
json.dump(found, sys.stderr)
"""


def _collect(*selections: list[str]) -> list[Counter[str]]:
    """What pytest would run for each selection; one process, since most of it is importing the tests."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        cwd=_ROOT, input=json.dumps(selections), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return [Counter(names) for names in json.loads(done.stderr)]


def test_every_test_is_in_exactly_one_of_the_two() -> None:
    every, usual, long = _collect([], _selection("test"), _selection("test-long"))
    assert min(len(usual), len(long)) > 100
    assert usual + long == every
    assert set(every.values()) == {1}
    files = {str(path.relative_to(_ROOT)) for path in (_ROOT / "tests").rglob("test_*.py")}
    assert {name.partition("::")[0] for name in every} == files


def test_the_continuous_integration_runs_both() -> None:
    assert "for chore in test test-long; do\n    make " in (_ROOT / ".ci" / "run").read_text("utf-8")
