"""PostgreSQL and Redis of this machine as other hosts reach them: by TLS that knows the server, and by password."""

from __future__ import annotations

import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from bench.plateforme.hosts import NETWORK
from runtime.processes.bound import bound
from tests.support.postgres import PostgresServer

_START_SECONDS = 30.0
_REDIS = "redis-server"


@dataclass(frozen=True, slots=True)
class RemoteServices:
    """``root`` is the certificate to trust for both; each password stands in a file."""

    database: PostgresServer
    root: Path
    database_password_file: Path
    queue_password_file: Path

    def database_url(self, name: str, gateway: str) -> str:
        """The address of a database for who comes through ``gateway``."""
        return f"postgresql://igc@{gateway}/{name}?sslmode=verify-full&sslrootcert={self.root}"

    def queue_url(self, gateway: str) -> str:
        """As ``database_url``."""
        return f"rediss://{gateway}:6379/0?ssl_ca_certs={self.root}"


def missing() -> str | None:
    """Why there can be no such services here, in French: those of the wheels are built without TLS."""
    if shutil.which(_REDIS) is None:
        return f"il manque {_REDIS} avec TLS (Debian : redis-server)"
    return None if _installations() else "il manque un PostgreSQL avec TLS (Debian : postgresql)"


def _installations() -> list[Path]:
    """Where Debian keeps its versions, the newest first."""
    found = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    return sorted((path.parents[1] for path in found), key=lambda path: int(path.name), reverse=True)


@contextmanager
def served(folder: Path, addresses: Sequence[str]) -> Iterator[RemoteServices]:
    """Both servers on these addresses of this machine, for the time of a ``with`` block."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    root, key = _certificate(folder, addresses)
    files = [folder / "database.secret", folder / "queue.secret"]
    for file in files:
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(24))
    database = PostgresServer(durable=True, install=_installations()[0])
    try:
        database.listen(addresses, root, key)
        database.start()
        database.admit(NETWORK, files[0].read_text())
        with _redis(folder, addresses, files[1].read_text(), root, key):
            yield RemoteServices(database, root, *files)
    finally:
        database.stop()


def _certificate(folder: Path, addresses: Sequence[str]) -> tuple[Path, Path]:
    """One that vouches for itself, with all the addresses."""
    certificate, key = folder / "services.pem", folder / "services.key"
    names = ",".join(f"IP:{address}" for address in addresses)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=services",
         "-addext", f"subjectAltName={names}", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


@contextmanager
def _redis(folder: Path, addresses: Sequence[str], password: str, certificate: Path, key: Path) -> Iterator[None]:
    config = folder / "redis.conf"
    config.touch(mode=0o600)
    config.write_text(
        f"bind {' '.join(addresses)}\nport 0\ntls-port 6379\ntls-cert-file {certificate}\ntls-key-file {key}\n"
        f"tls-ca-cert-file {certificate}\ntls-auth-clients no\nrequirepass {password}\ndir {folder}\n"
        f'save ""\nappendonly no\nlogfile {folder / "redis.log"}\n'
    )
    process = subprocess.Popen(bound([_REDIS, str(config)]), stdin=subprocess.DEVNULL, process_group=0)
    try:
        _wait(process, addresses[0], password, certificate)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _wait(process: subprocess.Popen[bytes], address: str, password: str, certificate: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    with redis.Redis(host=address, password=password, ssl=True, ssl_ca_certs=str(certificate)) as client:
        while True:
            try:
                client.ping()
            except redis.ConnectionError as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("the queue server does not start") from error
                time.sleep(0.05)
            else:
                return
