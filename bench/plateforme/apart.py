"""A plateforme on two hosts: web service, relay and publication on one, the workers on the other.

The database and the queue are on this machine, which each of them reaches over a cable of its own, in the way that the
product demands of PRODUCTION and checks here: TLS that knows the server, and a password. The plateforme itself is TEST,
for the fictitious world is none that an auditor would find clean on PRODUCTION. Files are shared, as a site copies them
to its hosts.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.plateforme.hosts import Host
from bench.plateforme.remote_services import RemoteServices
from bench.plateforme.sets import Plateforme, ServiceSet
from commands.trial.plateforme import Ceremony, make_plateforme
from runtime.probes import tls_answers
from runtime.processes.bound import bound
from runtime.settings.model import CONFIG_VARIABLE, Settings

_START_SECONDS = 90.0
_STOP_SECONDS = 30.0
_WS_PORT = 8443
_DATABASE = "igc_apart"


@contextmanager
def apart(
    folder: Path, front: Host, signing: Host, services: RemoteServices, *, bits: int, workers: int
) -> Iterator[Plateforme]:
    """Made and running for the time of a ``with`` block."""
    folder = folder.absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    services.database.create(_DATABASE)
    configs = {host: _write(folder, host, front, services) for host in (front, signing)}
    settings = Settings.load(configs[front])
    _require_fit_for_production([Settings.load(config) for config in configs.values()])
    make_plateforme(settings, Ceremony(key_bits=bits, plateforme=settings.plateforme))
    with ExitStack() as stack:
        for name in (f"worker-{number}" for number in range(1, workers + 1)):
            stack.enter_context(_process(signing, configs[signing], "worker", "--name", name))
        for verb in ("publication", "relay"):
            stack.enter_context(_process(front, configs[front], verb))
        process = stack.enter_context(_process(front, configs[front], "ws"))
        _wait(process, lambda: tls_answers(front.address, _WS_PORT))
        yield Plateforme(ServiceSet.PRODUCTION, settings, configs[front], workers, front.address)


def _write(folder: Path, host: Host, front: Host, services: RemoteServices) -> Path:
    lines = [
        'plateforme = "TEST"',
        'data_dir = "."',
        f'database_url = "{services.database_url(_DATABASE, host.gateway)}"',
        f'database_password_file = "{services.database_password_file}"',
        f'queue_url = "{services.queue_url(host.gateway)}"',
        f'queue_password_file = "{services.queue_password_file}"',
        "[ws]",
        f'host = "{front.address}"',
        f"port = {_WS_PORT}",
        f'public_url = "https://localhost:{_WS_PORT}"',
    ]
    config = folder / f"{host.name}.toml"
    config.write_text("\n".join(lines) + "\n")
    return config


def _require_fit_for_production(hosts: Iterable[Settings]) -> None:
    """RuntimeError when PRODUCTION would not open what these hosts open."""
    for settings in hosts:
        production = settings.model_copy(update={"plateforme": "PRODUCTION"})
        if problems := (*production.database_problems(), *production.queue_problems()):
            raise RuntimeError(f"not fit for PRODUCTION: {problems}")


@contextmanager
def _process(host: Host, config: Path, verb: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    argv = host.there(bound([sys.executable, "-m", "commands", verb, *words], signum=signal.SIGTERM))
    environment = {**os.environ, CONFIG_VARIABLE: str(config)}
    with (config.parent / "journal.log").open("ab") as log:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the plateforme of two hosts does not start: see its journal.log")
        time.sleep(0.1)
