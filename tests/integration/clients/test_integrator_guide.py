"""docs/integrateurs.md tells the truth: every command and program in it is run, every code in it is in the catalogue."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from lxml import etree

from clients.cli.configuration import Configuration
from clients.cli.failures import ExitCode
from clients.lots.manifest import ManifestLine
from clients.lots.table import COLUMNS
from registration.errors import Code
from tests.integration.clients.stand_in.authority import StandInAuthority
from tests.integration.clients.stand_in.service import StandIn
from tests.support.assertions import the

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs" / "integrateurs.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE, flags=re.DOTALL | re.MULTILINE)


def blocks(kind: str) -> list[str]:
    return [text for name, text in BLOCKS if name == kind]


@pytest.fixture
def desk(stand_in: StandIn, authority: StandInAuthority, tmp_path: Path) -> Path:
    """A folder as the guide supposes it, with igc-client on the path."""
    cert, key = authority.client_files
    for name, source in (("client.pem", cert), ("client.key", key), ("ca.pem", authority.ca_file)):
        (tmp_path / name).write_bytes(source.read_bytes())
    (tmp_path / "igc-client.toml").write_text(
        blocks("toml")[0].replace("https://igc.example/ws/lots/1.0", stand_in.url)
    )
    (tmp_path / "demandes.csv").write_text(blocks("csv")[0], encoding="utf-8")
    command = tmp_path / "bin" / "igc-client"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from clients.cli.main import main; main()" "$@"\n')
    command.chmod(0o755)
    stand_in.published_address = stand_in.url
    return tmp_path


def execute(desk: Path, command: list[str]) -> str:
    path = f"{desk / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=desk, env=environment, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.needs("openssl")
def test_every_command_of_the_guide_works_in_its_order(desk: Path, stand_in: StandIn) -> None:
    shown = [execute(desk, ["sh", "-eu", "-c", script]) for script in blocks("sh")]
    assert len(shown) >= 8
    assert {demande.etat for demande in stand_in.demandes.values()} == {"CLOSE"}
    password = (desk / "p12.txt").read_bytes().strip()
    for name in ("accueil-1.p12", "accueil-1-ancien.p12"):
        store = pkcs12.load_pkcs12((desk / name).read_bytes(), password)
        assert isinstance(store.key, rsa.RSAPrivateKey)
        assert store.key.public_key() == the(store.cert).certificate.public_key()
        assert len(store.additional_certs) == 2
    assert "accueil-1.pem: OK" in shown[-1]


def test_every_program_of_the_guide_works(desk: Path, stand_in: StandIn) -> None:
    (desk / "code-revocation.txt").write_text("Un-Code-A-Garder-2026\n", encoding="utf-8")
    programs = [text.replace("https://igc.example/ws/lots/1.0", stand_in.url) for text in blocks("python")]
    shown = []
    for rank, program in enumerate(programs):
        path = desk / f"programme_{rank}.py"
        path.write_text(program, encoding="utf-8")
        shown.append(execute(desk, [sys.executable, str(path)]))
    assert shown[0].split()[0] == "TEST"
    assert "1 certificat(s)" in shown[1]


def test_the_lot_of_the_guide_is_valid() -> None:
    schema = etree.XMLSchema(etree.parse(str(ROOT / "schemas" / "igc-lots-1.0.xsd")))
    schema.assertValid(etree.fromstring(blocks("xml")[0]))


# The search in the directory has no operation yet, nor has who acts for somebody else.
PORTAL_ALONE = {
    Code.HABILITATION_LOST,
    Code.VALIDATION_FAILED,
    Code.NOBODY_IN_STRUCTURE,
    Code.TIERS_NOT_SEARCHED,
    Code.TIERS_UNKNOWN,
}


def test_the_guide_lists_every_code_of_the_service_and_no_other() -> None:
    codes = {code.value for code in Code} - {code.value for code in PORTAL_ALONE}
    assert set(re.findall(r"ERR_(?:IHM|WS)_\d{3}(?:_\d)?", GUIDE)) == codes


def test_the_guide_lists_every_exit_code_column_and_setting() -> None:
    for code in ExitCode:
        assert f"| {code.value} |" in GUIDE
    for name in (*COLUMNS, *Configuration.__struct_fields__, *ManifestLine.__struct_encode_fields__):
        assert f"`{name}`" in GUIDE, name
