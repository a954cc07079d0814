"""docs/integrateurs.md tells the truth: every command and program in it is run, as it stands and in its order, on the demo."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from commands.demo.kit import KIT_FOLDER
from pki.containers.pkcs7 import read_certs_only
from tests.integration.clients.test_integrator_guide import BLOCKS, ROOT
from tests.support.assertions import the
from tests.support.demos import running_demo

pytestmark = [pytest.mark.needs("openssl"), pytest.mark.timeout(600)]

_SECONDS = 150


def run(desk: Path, command: list[str]) -> str:
    programs = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=desk, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def play(desk: Path) -> str:
    """Every block of commands and every program, in the order of the page; gives all they said."""
    said = []
    for rank, (kind, text) in enumerate(BLOCKS):
        if kind == "sh":
            said.append(run(desk, ["sh", "-eu", "-c", text]))
        if kind == "python":
            program = desk / f"programme_{rank}.py"
            program.write_text(text, encoding="utf-8")
            said.append(run(desk, [sys.executable, str(program)]))
    assert len(said) > 15
    return "\n".join(said)


def test_every_command_and_program_of_the_guide_works_in_its_order(tmp_path: Path) -> None:
    with running_demo(tmp_path / "demo", lot=1):
        desk = tmp_path / "demo" / KIT_FOLDER
        said = play(desk)
        assert "certificats/portail.pem: OK" in said
        assert "3 certificat(s) sur 3 demande(s)" in said
        assert "3 demande(s) annulée(s), 0 inchangée(s)" in said
        assert "1 demande(s) acceptable(s) sur 2, 1 refusée(s)." in said
        assert "ERR_IHM_026" in said
        assert "Rien à renouveler." in said
        assert "<etat>TERMINE</etat>" in said
        assert "1 certificat(s) dans certificats-caisses" in said
        assert "abandonnée" in said
        (serial,) = re.findall(r"^caisse-1 (\w+)$", said, re.MULTILINE)
        leaf, *above = read_certs_only((desk / "caisse-1.p7b").read_bytes())
        assert (x509.load_der_x509_certificate(leaf).serial_number, len(above)) == (int(serial, 16), 2)
        shown = run(desk, ["igc-client", "revocations"]).splitlines()[1:]
        assert sorted(line.split(";")[6] for line in shown) == [
            "ABANDONNEE",
            "REVOQUE",
            "REVOQUE",
            "REVOQUE",
            "REVOQUE",
        ]
        # What was played leaves the example ready for whoever reads the guide again.
        assert "déjà" in run(desk, ["sh", "-c", "igc-client deposer postes.xml"])
    for name in ("accueil-1.p12", "accueil-1-ancien.p12"):
        store = pkcs12.load_pkcs12((desk / name).read_bytes(), (desk / "p12.txt").read_bytes().strip())
        assert isinstance(store.key, rsa.RSAPrivateKey)
        assert store.key.public_key() == the(store.cert).certificate.public_key()
        assert len(store.additional_certs) == 2
    downloaded = x509.load_pem_x509_certificate((desk / "certificat.pem").read_bytes())
    assert f"Certificat {downloaded.serial_number:032x} écrit dans certificat.pem" in said
    for key in (*desk.glob("cles*/*.key"), desk / "client.key", desk / "code-revocation.txt"):
        assert key.stat().st_mode & 0o077 == 0, key
