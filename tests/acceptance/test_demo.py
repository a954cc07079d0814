"""The demo as a newcomer runs it: a real plateforme, the real client, and nothing left afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from cryptography import x509

from commands.demo.kit import KIT_FOLDER
from tests.support.demos import output_until_ready, start_demo

# A machine that does other things at the same time needs several times the minute of an idle one.
pytestmark = [pytest.mark.needs("openssl"), pytest.mark.timeout(400)]

_TIMEOUT = 150
_LOT = 23 + 7
_SMALL_LOT, _SMALL_GOOD = 5, 3


def _processes_of(folder: Path) -> list[str]:
    """Command line and environment of every process that works in the demo's folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            environment = (process / "environ").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if int(process.name) != os.getpid() and (str(folder) in command or f"IGC_CONFIG={folder}" in environment):
            found.append(f"{command}\n{environment}")
    return found


def _certificates(folder: Path) -> list[x509.Certificate]:
    return [
        x509.load_pem_x509_certificates(path.read_bytes())[0] for path in folder.glob("hopital/*/certificats/*.pem")
    ]


def test_demo_says_what_happened_and_ends_with_nothing_left_running(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    first = start_demo(folder, "--exit", lot=_LOT)
    output, _ = first.communicate(timeout=_TIMEOUT)
    assert first.returncode == 0, output
    report = json.loads((folder / "report.json").read_text())
    assert report["submitted"] == _LOT
    assert (report["issued"], report["withdrawn"], report["rejected"]) == (_LOT - 10, _LOT - 10, 10)
    assert report["problems"] == []
    assert report["certificates_per_second"] > 0
    assert set(report["seconds"]) == {"accept", "issue", "withdraw"}
    assert f"Lot {report['lot_index']}" in output
    assert "https://" not in output, "nobody answers there any more"
    serials = {certificate.serial_number for certificate in _certificates(folder)}
    assert len(serials) == _LOT - 10
    assert _processes_of(folder) == []

    _again_until_ctrl_c(folder, report["lot_index"])


def _again_until_ctrl_c(folder: Path, former_index: int) -> None:
    """What exists is kept and played with again; this time the plateforme stays until somebody stops it.

    The lot is too small for every product and every fault, and igc-client is used on the plateforme meanwhile.
    """
    process = start_demo(folder, lot=_SMALL_LOT)
    try:
        _use_while_it_runs(process, folder, former_index)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=_TIMEOUT)
    finally:
        process.kill()  # what it started does not outlive it
        process.communicate()
    assert process.returncode == 0, "everything was played and checked before"
    assert output.index("Arrêt de la plateforme") < output.index("Arrêtée")
    deadline = time.monotonic() + 5  # the kernel needs a moment to bury the last ones
    while _processes_of(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _processes_of(folder) == []


def _use_while_it_runs(process: subprocess.Popen[str], folder: Path, former_index: int) -> None:
    output = output_until_ready(process)
    again = json.loads((folder / "report.json").read_text())
    assert again["lot_index"] > former_index
    assert (again["submitted"], again["issued"], again["rejected"]) == (_SMALL_LOT, _SMALL_GOOD, 2)
    assert len({certificate.serial_number for certificate in _certificates(folder)}) == _LOT - 10 + _SMALL_GOOD
    assert process.poll() is None, output
    running = _processes_of(folder)
    assert any("serve" in process for process in running)
    # Secrets are in files, and in nobody's environment or arguments.
    secrets = [path.read_text().strip() for path in folder.rglob("*.secret")]
    assert len(secrets) >= 3
    assert not any(secret in process for secret in secrets for process in running)
    _run_what_the_demo_shows(output, folder)
    second = start_demo(folder, "--exit", lot=_LOT)
    refusal, _ = second.communicate(timeout=_TIMEOUT)
    assert second.returncode == 1
    assert "une autre démonstration" in refusal


def _run_what_the_demo_shows(output: str, folder: Path) -> None:
    """The lines as they stand there, twice: the second time finds everything done."""
    shown = [
        line.strip()
        for line in output.splitlines()
        if line.startswith("  ") and ("igc-client " in line or "cd " in line)
    ]
    assert [line.split()[0] for line in shown] == ["cd", "igc-client", "igc-client"]
    for _ in range(2):
        done = subprocess.run(
            ["sh", "-eu", "-c", "\n".join(shown)], capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
        assert done.returncode == 0, f"{shown}\n{done.stdout}{done.stderr}"
    kit = folder / KIT_FOLDER
    assert sorted(path.name for path in (kit / "certificats").glob("*.pem")) == [
        *("accueil-1.pem", "labo-bal.pem", "portail.pem"),
    ]
    assert [(kit / name).stat().st_mode & 0o077 for name in ("code-revocation.txt", "client.key")] == [0, 0]
