"""The commands of docs/ceremonie.md, played as they stand there: two machines, and a person who types the pass phrase."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pki.authority import load_authorities
from tests.support.ceremonies import ceremony_file

pytestmark = pytest.mark.long
PAGE = (Path(__file__).parents[3] / "docs" / "ceremonie.md").read_text(encoding="utf-8")
PHRASE = "hêtre pourpre, trois marches"
_SECONDS = 120


def commands() -> list[tuple[str, list[str]]]:
    """Where and what, row by row of the table about an offline root."""
    rows = re.findall(r"^\| (coffre|plateforme)[^|]*\| `igc ([^`]+)` \|", PAGE, re.MULTILINE)
    return [(where, words.split()) for where, words in rows]


def typed(words: list[str], folder: Path, *lines: str) -> tuple[int, str]:
    """Run ``igc`` in a folder, at a terminal of its own where these lines are typed, each when it is asked for."""
    ours, theirs = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IGC_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "commands", *words],
        cwd=folder,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    said, waiting, deadline = "", list(lines), time.monotonic() + _SECONDS
    try:
        while time.monotonic() < deadline:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    piece = os.read(ours, 65536)
                except OSError:  # the other side is closed
                    break
                said += piece.decode("utf-8", "replace")
                if waiting and said.endswith(" : "):
                    os.write(ours, f"{waiting.pop(0)}\n".encode())
        return process.wait(_SECONDS), said
    finally:
        process.kill()
        process.wait()
        os.close(ours)


@pytest.fixture
def machines(tmp_path: Path) -> dict[str, Path]:
    text = ceremony_file("PRODUCTION", "ACI-ORG", root="offline = true\n")
    for name in ("coffre", "plateforme"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ceremonie.toml").write_text(text)
    (tmp_path / "plateforme" / "igc.toml").write_text('plateforme = "PRODUCTION"\n')
    return {name: tmp_path / name for name in ("coffre", "plateforme")}


def test_the_page_is_played(machines: dict[str, Path], tmp_path: Path) -> None:
    played = commands()
    assert [words[1] for _, words in played] == ["root", "run", "answer", "run", "crl"]
    exchange = str(tmp_path / "echange")
    for where, words in played:
        lines = [] if where == "plateforme" else [PHRASE] * (2 if words[1] == "root" else 1)
        status, said = typed([exchange if word == "D" else word for word in words], machines[where], *lines)
        assert status == 0, said
        assert PHRASE not in said
    here = load_authorities(machines["plateforme"] / "var" / "pki" / "autorites")
    assert set(here) == {"ACR-EL", "ACI-ORG"}
    # The pass phrase is nowhere on the machine that has the key, nor in what is carried.
    for folder in (machines["coffre"], tmp_path / "echange"):
        for file in folder.rglob("*"):
            assert not file.is_file() or PHRASE.encode() not in file.read_bytes(), file
    assert list(machines["coffre"].rglob("*.key.pem"))
    assert not list(machines["coffre"].rglob("*.secret"))


def test_a_wrong_or_unequal_phrase_does_nothing(machines: dict[str, Path], tmp_path: Path) -> None:
    vault, exchange = machines["coffre"], str(tmp_path / "echange")
    root = ["ceremony", "root", "ceremonie.toml", "--exchange", exchange]
    for lines, told in (((PHRASE, "autre chose de long"), "diffèrent"), (("courte", "courte"), "12 caractères")):
        status, said = typed(root, vault, *lines)
        assert (status, told in said) == (1, True), said
    assert not list(tmp_path.rglob("*.key.pem"))
    assert typed(root, vault, PHRASE, PHRASE)[0] == 0
    kept = {file: file.read_bytes() for file in vault.rglob("*") if file.is_file()}
    status, said = typed(["ceremony", "crl", "ceremonie.toml", "--exchange", exchange], vault, "pas la bonne phrase")
    assert (status, "ne l'ouvre pas" in said, "Traceback" in said) == (1, True, False), said
    assert {file: file.read_bytes() for file in vault.rglob("*") if file.is_file()} == kept


def test_without_a_terminal_it_is_said_what_to_give(machines: dict[str, Path], tmp_path: Path) -> None:
    words = ["ceremony", "root", "ceremonie.toml", "--exchange", str(tmp_path / "echange")]
    done = subprocess.run(
        [sys.executable, "-m", "commands", *words],
        cwd=machines["coffre"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=_SECONDS,
    )  # fmt: skip
    assert (done.returncode, "--passphrase-file" in done.stderr) == (1, True)
    assert not list(tmp_path.rglob("*.pem"))


def test_the_example_file_is_refused_on_production(machines: dict[str, Path], tmp_path: Path) -> None:
    import pki.ceremony

    example = (Path(pki.ceremony.__file__).parent / "ceremony.example.toml").read_text()
    folder = machines["plateforme"]
    (folder / "ceremonie.toml").write_text(example.replace('plateforme = "TEST"', 'plateforme = "PRODUCTION"'))
    status, said = typed(["ceremony", "run", "ceremonie.toml", "--config", "igc.toml"], folder)
    assert status == 1
    for told in ("organization", "settings.policy_oid", "settings.crl_url", "1.3.6.1.4.1.32473", "igc.example"):
        assert told in said
    assert "Traceback" not in said
    assert not (folder / "var" / "pki").exists()
