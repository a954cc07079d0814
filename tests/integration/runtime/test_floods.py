"""The three listeners as processes with few descriptors, flooded with connections that never ask anything."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import resource
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from commands.trial.plateforme import Ceremony, make_plateforme
from runtime.processes.bound import bound
from runtime.settings.model import CONFIG_VARIABLE, Settings
from ws.contract.files import ENDPOINT

DESCRIPTORS = 356
ROOM = 100  # the process keeps 256 for itself
FLOOD = 400
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"  # the beginning of a ClientHello
PATHS = {"ws": f"{ENDPOINT}?wsdl", "portal": "/static/portail.css", "publication": "/CRL/ACI-CARTES-TEST.crl"}


@dataclass
class Listener:
    """One of the three, running."""

    process: subprocess.Popen[bytes]
    port: int
    path: str
    ca: Path | None
    log: Path

    def ask(self) -> int:
        """The status of an honest request."""
        if self.ca is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        else:
            context = ssl.create_default_context(cafile=str(self.ca))
            connection = http.client.HTTPSConnection("localhost", self.port, context=context, timeout=20)
        with contextlib.closing(connection):
            connection.request("GET", self.path)
            return connection.getresponse().status

    def flood(self, stack: contextlib.ExitStack, first: bytes) -> None:
        for _ in range(FLOOD):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", self.port), timeout=20))
            with contextlib.suppress(ConnectionError):
                client.sendall(first)

    def stop(self) -> None:
        """As a service manager does; what the listener has still to say is in its log afterwards."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0

    @property
    def resident_mb(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(fields[1]) * resource.getpagesize() / 2**20


@pytest.fixture(scope="module")
def plateforme(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Settings]:
    folder = tmp_path_factory.mktemp("flooded")
    config = folder / "igc.toml"
    with contextlib.ExitStack() as stack:
        ports = [stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in PATHS]
    sections = "".join(f"[{name}]\nport = {port}\n" for name, port in zip(PATHS, ports, strict=True))
    config.write_text(f'data_dir = "."\n{sections}')
    settings = Settings.load(config)
    make_plateforme(settings, Ceremony(key_bits=2048))
    return config, settings


@pytest.fixture(params=PATHS)
def listener(request: pytest.FixtureRequest, plateforme: tuple[Path, Settings]) -> Iterator[Listener]:
    (config, settings), name = plateforme, request.param
    log = config.parent / f"{name}.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            bound([sys.executable, "-m", "commands", name]),
            env={**os.environ, CONFIG_VARIABLE: str(config)},
            stderr=stream,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (128, DESCRIPTORS)),  # noqa: PLW1509 -- no thread runs yet
        )
    ca = None if name == "publication" else config.parent / "clients" / "ac-racine.pem"
    found = Listener(process, getattr(settings, name).port, PATHS[name], ca, log)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(OSError):
                if found.ask() == 200:
                    break
            time.sleep(0.1)
        yield found
    finally:
        process.kill()
        process.wait()


@pytest.mark.long
def test_a_flood_locks_nobody_out_and_fills_no_log(listener: Listener) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    before = listener.resident_mb
    try:
        for first in (b"", HELLO, b"GET / HTTP/1.1\r\nHost:"):
            with contextlib.ExitStack() as stack:
                listener.flood(stack, first)
                assert listener.ask() == 200
                listener.flood(stack, first)
                assert listener.ask() == 200
        assert listener.ask() == 200
        assert listener.resident_mb < before + 100
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    listener.stop()
    lines = [json.loads(line) for line in listener.log.read_text().splitlines()]
    (limited,) = [line for line in lines if line["event"] == "connections limited by descriptors"]
    assert (limited["granted"], limited["descriptors"]) == (ROOM, DESCRIPTORS)
    assert len(lines) < 40
    events = {line["event"] for line in lines}
    assert "connection ended to make room" in events
    assert "connection not accepted, the system has no descriptor left" not in events
