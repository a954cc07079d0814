"""What the floors of the tests promise is held: a program nobody asked for is refused, a missing package is named."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.system import FILES, PROGRAMS, advice, missing

_TESTS = Path(__file__).parents[2]


def test_no_program_of_the_system_is_started_on_this_floor() -> None:
    with pytest.raises(pytest.fail.Exception, match="tests/integration"):
        subprocess.run(["true"], check=True)
    assert subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, check=True).stdout == b"1\n"


def test_what_is_missing_is_named_with_what_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert missing(PROGRAMS) == list(PROGRAMS)
    for program in PROGRAMS["gnutls-bin"]:
        assert "gnutls-bin" in missing(PROGRAMS)
        (tmp_path / program).touch(mode=0o755)
    assert missing(["openssl", "gnutls-bin"]) == ["openssl"]
    assert advice(["openssl", "npm"]).count("openssl npm") == 2
    assert "\n" not in advice(PROGRAMS)


def test_every_need_is_a_package_that_is_known() -> None:
    asked = set()
    for path in _TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.needs":
                asked |= {ast.literal_eval(argument) for argument in node.args}
    assert asked == {*PROGRAMS, *FILES}
