"""The committed script is what its sources and its locked packages give, and judges passwords as the server does."""

from __future__ import annotations

import fcntl
import hashlib
import json
import random
import re
import shutil
import subprocess
import unicodedata
from pathlib import Path

import pytest

from portal_ihm.shell.scripts import BUNDLE, integrity
from registration.errors import IgcError
from registration.rules.revocation_code import check_code

SOURCES = BUNDLE.parents[2] / "navigateur"


def is_strong(password: str) -> bool:
    try:
        check_code(password, password)
    except IgcError:
        return False
    return True


def samples() -> list[str]:
    """Passwords around every edge of the rule, and one good one with each of many characters put in."""
    chance = random.Random(20261201)
    good = "Abcdefghij-1"
    signs = [chr(point) for point in range(0x20, 0x3100) if not 0xD800 <= point < 0xE000]
    signs += [chr(chance.randrange(0xE000, 0x2FFFF)) for _ in range(500)] + ["\u00a0", "\u200d", "\ufe0f", "\U000e0100"]
    around = [good[:size] for size in range(13)] + ["abcdefghijk-1", "ABCDEFGHIJK-1", "Abcdefghijkl1", " " * 12, ""]
    # What Unicode gave last, the younger of the two knows alone; what it has not given, both refuse.
    assigned = [sign for sign in signs if unicodedata.category(sign) != "Cn"] + ["\u0378", "\uffff"]
    parts = "aA1-é²ªⓐⓏ \u0301"
    mixed = ["".join(chance.choices(parts, k=chance.randrange(8, 16))) for _ in range(2000)]
    return [*around, *(good + sign for sign in assigned), *("abcdefghijk1" + sign for sign in assigned), *mixed]


@pytest.fixture(scope="module")
def packages() -> Path:
    """The sources with their locked packages."""
    with (SOURCES / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (SOURCES / "node_modules" / ".package-lock.json").exists():
            subprocess.run(["npm", "ci"], cwd=SOURCES, check=True, capture_output=True)
    return SOURCES


def test_the_bundle_is_the_one_that_was_written_down() -> None:
    for line in (BUNDLE.parent / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((BUNDLE.parent / name).read_bytes()).hexdigest() == digest, "make navigateur"
    assert integrity().startswith("sha384-")


def test_it_asks_for_nothing_that_its_policy_forbids() -> None:
    text = BUNDLE.read_text("utf-8")
    for word in (
        r"\beval\(",
        r"new Function\(",
        r"\bfetch\(",
        "XMLHttpRequest",
        "sendBeacon",
        "WebSocket",
        "localStorage",
        "innerHTML",
        "document.cookie",
    ):
        assert not re.search(word, text), word


def test_no_password_field_has_a_name_where_the_key_is_made_or_used() -> None:
    templates = BUNDLE.parents[2] / "templates"
    for name in ("cles/assistee.html", "retirer/assiste.html"):
        text = (templates / name).read_text("utf-8")
        assert "secrets.secret(" in text
        assert "name=" not in text, name


def test_the_lock_file_names_no_place_to_load_from() -> None:
    lock = json.loads((SOURCES / "package-lock.json").read_text())
    found = {path: package for path, package in lock["packages"].items() if path}
    assert {"node_modules/pkijs", "node_modules/asn1js", "node_modules/esbuild"} <= set(found)
    assert all("resolved" not in package and package["integrity"].startswith("sha512-") for package in found.values())


@pytest.mark.needs("npm")
def test_sources_and_lock_give_the_committed_bundle(packages: Path, tmp_path: Path) -> None:
    copy = tmp_path / "navigateur"
    shutil.copytree(packages, copy, symlinks=True)
    (tmp_path / "static" / "navigateur").mkdir(parents=True)
    subprocess.run(["npm", "run", "build"], cwd=copy, check=True, capture_output=True)
    for name in (BUNDLE.name, "LICENCES.txt", "SHA256SUMS"):
        made = (tmp_path / "static" / "navigateur" / name).read_bytes()
        assert made == (BUNDLE.parent / name).read_bytes(), f"{name} : make navigateur"


@pytest.mark.needs("npm")
def test_the_parts_of_the_script_do_what_they_say(packages: Path) -> None:
    done = subprocess.run(["npm", "test"], cwd=packages, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.needs("npm")
def test_page_and_server_have_one_rule_for_passwords(packages: Path) -> None:
    program = """
      import { isStrong } from "./src/strength.js";
      let text = ""; for await (const part of process.stdin.setEncoding("utf8")) text += part;
      process.stdout.write(JSON.stringify(JSON.parse(text).map(isStrong)));
    """
    given = samples()
    told = subprocess.run(
        ["node", "--input-type=module", "--eval", program],
        cwd=packages,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
    )
    verdicts = dict(zip(given, json.loads(told.stdout), strict=True))
    assert {password: verdict for password, verdict in verdicts.items() if verdict != is_strong(password)} == {}
    assert 0 < sum(verdicts.values()) < len(verdicts)
