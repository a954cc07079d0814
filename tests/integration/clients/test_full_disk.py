"""A disk without room: told in French, nothing lost that was there, and the same command goes on once there is room."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.clients.cli_desk import WITHDRAW, environment
from tests.integration.clients.stand_in.service import StandIn

pytestmark = pytest.mark.long
# A small file system of its own, which a namespace lets any account mount; what it holds is copied out at the end.
_IN_A_SMALL_DISK = """\
set -eu
mkdir disque
mount -t tmpfs -o size=96k petit disque
{script}
cp -r disque apres
"""
_CLIENT = f"{sys.executable} -c 'from clients.cli.main import main; main()'"


def on_a_small_disk(desk: Path, script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _IN_A_SMALL_DISK.format(script=script)],
        cwd=desk, env=environment(), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_a_withdrawal_onto_a_full_disk_says_so_and_goes_on_later(desk: Path, stand_in: StandIn) -> None:
    everything = f"{_CLIENT} tout lot.xml disque/certificats {' '.join(WITHDRAW)}"
    # A page is left: the folder can be made, the manifest cannot.
    script = f"""\
head -c 90000 /dev/zero > disque/encombrant
{everything} && exit 97 || fin=$?
echo "premier essai : $fin" >&2
rm disque/encombrant
{everything} || fin=$?
echo "second essai : $fin" >&2
"""
    done = on_a_small_disk(desk, script)
    assert "premier essai : 6" in done.stderr, done.stderr
    assert "le disque est plein" in done.stderr
    assert "disque/certificats/" in done.stderr
    assert "second essai : 1" in done.stderr, "all withdrawn, one refused"
    with (desk / "apres" / "certificats" / "manifeste.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter=";"))
    assert [row["etat"] for row in rows] == ["CLOSE", "REJETEE", "CLOSE"]
    assert list((desk / "apres" / "certificats").glob(".*")) == []
    assert len(stand_in.lots) == 1


def test_keys_onto_a_full_disk_are_whole_or_absent(desk: Path) -> None:
    lines = "".join(f"poste-{rank};ORG;AUTH_CLI;1750140014;Accueil;si@h.example\n" for rank in range(40))
    header = "reference;offre;usage;structure;serviceApplicatif;emailActeur\n"
    (desk / "postes.csv").write_text(header + lines, encoding="utf-8")
    script = f"""\
{_CLIENT} cles postes.csv --dossier disque/cles --processus 2 && exit 97 || fin=$?
echo "fin : $fin" >&2
"""
    done = on_a_small_disk(desk, script)
    assert "fin : 6" in done.stderr, done.stderr
    assert "le disque est plein" in done.stderr
    made = list((desk / "apres" / "cles").glob("*.key"))
    assert made
    for key in made:
        assert key.stat().st_mode & 0o077 == 0
        assert key.read_bytes().endswith(b"-----END PRIVATE KEY-----\n")
    assert not (desk / "postes.xml").exists(), "a lot without its keys is no lot"
