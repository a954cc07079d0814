"""The chapter « De la base vide au premier certificat » is played as it stands: its files, its commands, a real plateforme."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from audit.context import Audit
from audit.reading.authorities import load_authorities
from audit.run import CHECKS
from runtime.clock import system_clock
from runtime.settings.model import Settings
from storage.database import Database
from tests.support.ceremonies import NAMES, ROOT_NAME, SETTINGS
from tests.support.processes import wait_until
from tests.support.queue_server import free_port

pytestmark = [pytest.mark.long, pytest.mark.needs("openssl"), pytest.mark.timeout(400)]

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "exploitation.md").read_text(encoding="utf-8")
(CHAPTER,) = re.findall(r"^## De la base vide au premier certificat\n(.*?)^## ", PAGE, re.DOTALL | re.MULTILINE)
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", CHAPTER, re.DOTALL | re.MULTILINE)
_SECONDS = 150
# The chapter is typed by an account without privilege. Root becomes one in a namespace of its own: whatever it may read
# it still may, its interpreter above all.
_AS_SOMEBODY = () if os.geteuid() else ("unshare", "--user", "--map-user=1000", "--map-group=1000")
_CEREMONY = f"""\
plateforme = "PRODUCTION"
key_bits = 2048
{NAMES}
[root]
{ROOT_NAME}
{SETTINGS}
[[issuing]]
short_name = "ACI-EL-ORG"
common_name = "AC ORGANISATIONS DES ACACIAS"
products = ["ORG_AUTH_CLI", "ORG_SIGN", "ORG_CONF", "SERV_SSL_SERV", "SERV_SIGN", "SERV_SMIME", "SERV_CONF", "TLS_SERVER"]
"""
_SERVER = """
[[servers]]
name = "{name}"
dns_names = ["{name}.acacias-sante.fr", "localhost"]
state = "Paris (75)"
organization = "GIP DES ACACIAS"
organizational_unit = "10B0990011"
"""


class Desk:
    """The empty folder of the chapter, where ``igc`` and ``igc-client`` are on the path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # The machine of this test is not the one of the page: its name, and ports that are free here.
        self.here = {"8443": str(free_port()), "8444": str(free_port()), "8080": str(free_port())}
        bin_folder = folder / "bin"
        bin_folder.mkdir()
        for name, module in (("igc", "commands.main"), ("igc-client", "clients.cli.main")):
            command = bin_folder / name
            command.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from {module} import main; main()" "$@"\n')
            command.chmod(0o755)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("IGC")}
        self.environment = inherited | {
            "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "IGC_CONFIG": str(folder / "igc.toml"),
        }
        (folder / "ceremonie.toml").write_text(
            _CEREMONY + "".join(_SERVER.format(name=name) for name in ("ws", "portail"))
        )
        (folder / "cles-previsibles.txt").write_text(f"{'0' * 20}\n")
        for name in ("cgu", "pc"):
            (folder / f"{name}.txt").write_text(f"Texte {name} des Acacias\n")

    def write(self, text: str) -> None:
        """A file of the page, whose name stands in its first line."""
        name = text.partition("\n")[0].removeprefix("# ")
        for there, here in self.here.items():
            text = text.replace(there, here)
        if name == "igc-client.toml":
            text = text.replace("ws.acacias-sante.fr", "localhost")
        # The first line of a table is its header.
        (self.folder / name).write_text(text if name.endswith(".toml") else text.partition("\n")[2], encoding="utf-8")

    def run(self, script: str) -> str:
        done = subprocess.run(
            [*_AS_SOMEBODY, "sh", "-eu", "-c", script],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False, timeout=_SECONDS,
        )  # fmt: skip
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @contextmanager
    def serving(self, script: str) -> Iterator[None]:
        with (self.folder / "igc.log").open("wb") as log:
            process = subprocess.Popen(
                [*_AS_SOMEBODY, "sh", "-eu", "-c", f"exec {script}"],
                cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
            try:
                yield
            finally:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(60)
                finally:
                    process.kill()
                    process.wait()


def is_listening(desk: Desk, port: str) -> bool:
    probe = f"from runtime.probes import tls_answers; raise SystemExit(not tls_answers('localhost', {port}))"
    return subprocess.run([sys.executable, "-c", probe], env=desk.environment, check=False).returncode == 0


def test_the_chapter_leads_to_a_certificate(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    scripts = [text for kind, text in BLOCKS if kind == "sh"]
    assert (len(scripts), scripts[-2]) == (7, "igc serve\n")
    for kind, text in BLOCKS:
        if kind != "sh":
            desk.write(text)
    shown = [desk.run(script) for script in scripts[:-2]]
    assert "10B0990011/DPI : reconnue par ACI-EL-ORG" in shown[3]
    assert "*acacias-sante.fr" in shown[4]
    with desk.serving(scripts[-2].strip()):
        wait_until(lambda: is_listening(desk, desk.here["8443"]), seconds=60, what="the web service")
        told = desk.run(scripts[-1])
    assert "certificats/portail.pem: OK" in told
    leaf = x509.load_pem_x509_certificates((tmp_path / "certificats" / "portail.pem").read_bytes())[0]
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["portail.acacias-sante.fr"]
    assert audited(tmp_path) == []


def audited(folder: Path) -> list[str]:
    """What the auditor finds wrong with what was done."""
    settings = Settings.load(folder / "igc.toml")
    db = Database(settings.database_dsn())
    try:
        audit = Audit(
            db=db,
            authorities=load_authorities(settings.pki.authorities_dir),
            publication_dir=settings.pki.publication_dir,
            crl_refresh=timedelta(minutes=settings.pki.crl_refresh_minutes),
            clock=system_clock,
        )
        for check in CHECKS:
            check(audit)
    finally:
        db.dispose()
    return [f"{one.topic} {one.subject} : {one.text}" for one in audit.report.findings]
