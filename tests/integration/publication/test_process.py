"""``igc publication`` as a process of its own, and ``igc check-publication``."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.x509 import ocsp
from sqlalchemy import update

from commands.composition import Instance
from commands.trial.plateforme import Ceremony, make_plateforme
from pki.authority import load_authorities
from runtime.processes.bound import bound
from runtime.settings.model import CONFIG_VARIABLE, Settings
from storage import tables
from tests.integration.publication.conftest import OCSP_TYPE
from tests.support.verbs import igc
from tests.unit.pki.ocsp_support import make_request

_START_SECONDS = 60.0


def test_the_process_answers_without_any_key_of_an_authority(tmp_path: Path) -> None:
    config, settings = _plateforme(tmp_path)
    authorities = load_authorities(settings.pki.authorities_dir)
    client = x509.load_pem_x509_certificates((tmp_path / "clients" / "dr-leroux.pem").read_bytes())[0]
    # As on a machine of its own: neither keys nor pass phrase of the authorities are there.
    shutil.rmtree(settings.pki.keys_dir)
    settings.pki.pass_phrase_file.path.unlink()
    log = tmp_path / "publication.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            bound([sys.executable, "-m", "commands", "publication"]),
            env={**os.environ, CONFIG_VARIABLE: str(config)},
            stderr=stream,
        )
    try:
        connection = _connect(settings.publication.port, process)
        _wait_for(lambda: b"ocsp answers ready" in log.read_bytes(), process)
        ready = datetime.now(UTC).replace(microsecond=0)
        _wait_for(lambda: datetime.now(UTC) >= ready + timedelta(seconds=1), process)
        request = make_request(authorities["ACI-CARTES-TEST"], client.serial_number, SHA1)
        connection.request("POST", "/", request, OCSP_TYPE)
        answer = ocsp.load_der_ocsp_response(connection.getresponse().read())
        assert answer.certificate_status is ocsp.OCSPCertStatus.GOOD
        # Nobody asked before, and nothing was signed now.
        assert answer.this_update_utc <= ready
        connection.request("GET", "/CRL/ACI-CARTES-TEST.crl")
        assert x509.load_der_x509_crl(connection.getresponse().read()).issuer == answer.certificates[0].issuer
        connection.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
    _check_verb(config, settings)


def _check_verb(config: Path, settings: Settings) -> None:
    fine = igc("check-publication", "--config", config)
    assert (fine.exit_code, fine.stdout) == (0, "Publication à jour.\n")
    db = Instance(settings).db
    with db.write() as session:
        row = session.get_one(tables.Crl, "ACI-EL-PP-TEST")
        session.execute(
            update(tables.Crl)
            .where(tables.Crl.autorite == row.autorite)
            .values(next_update=row.this_update + timedelta(hours=1), publie_le=row.publie_le - timedelta(hours=1))
        )
    db.dispose()
    settings.portal.tls_certificate_file.write_text("words")
    (settings.pki.publication_dir / "CRL" / "ACI-EL-PP-TEST.crl").unlink()
    late = igc("check-publication", "--config", config)
    assert late.exit_code == 1
    first, second, third = late.stdout.splitlines()
    assert first.startswith("ERREUR CRL de ACI-EL-PP-TEST : fin de validité")
    assert second == "ERREUR certificat TLS de portal : illisible"
    assert third == "ERREUR CRL de ACI-EL-PP-TEST : le fichier publié n'est pas la liste en vigueur"


def _plateforme(folder: Path) -> tuple[Path, Settings]:
    with ExitStack() as probes:
        servers = [probes.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
        ports = [server.getsockname()[1] for server in servers]
    config = folder / "igc.toml"
    sections = (f"[{name}]\nport = {port}\n" for name, port in zip(("publication", "ws", "portal"), ports, strict=True))
    config.write_text('data_dir = "."\n' + "".join(sections))
    settings = Settings.load(config)
    make_plateforme(settings, Ceremony(key_bits=2048))
    return config, settings


def _connect(port: int, process: subprocess.Popen[bytes]) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def listens() -> bool:
        try:
            connection.connect()
        except OSError:
            return False
        return True

    _wait_for(listens, process)
    return connection


def _wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not condition():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
