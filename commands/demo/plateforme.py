"""The demo's own plateforme: its settings file, its making, and its processes under ``igc serve``."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from commands.composition import load_settings
from commands.trial.plateforme import Ceremony, make_plateforme
from runtime.probes import tls_answers
from runtime.processes.bound import bound
from runtime.settings.model import CONFIG_VARIABLE, Settings

_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_WS_PORT, _PORTAL_PORT, _SANS_LOGIN_PORT, _PUBLICATION_PORT = 8443, 8444, 8445, 8480
_CARTE_PORT, _CONNEXION_PORT = 8446, 8447


class DemoError(Exception):
    """The demo cannot go on; the text is French and says where to look."""


def prepare(folder: Path, step: Callable[[str], None], ceremony: Ceremony | None = None) -> tuple[Settings, Path]:
    """Settings with free ports, and everything a TEST plateforme needs; what exists from an earlier run is kept."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ws_port = _free_port(_WS_PORT, set())
    portal_port = _free_port(_PORTAL_PORT, {ws_port})
    sans_login_port = _free_port(_SANS_LOGIN_PORT, {ws_port, portal_port})
    taken = {ws_port, portal_port, sans_login_port}
    carte_port = _free_port(_CARTE_PORT, taken)
    connexion_port = _free_port(_CONNEXION_PORT, taken | {carte_port})
    publication_port = _free_port(_PUBLICATION_PORT, taken | {carte_port, connexion_port})
    config = folder / "igc.toml"
    config.write_text(
        "# Written by the demo at each start.\n"
        'plateforme = "TEST"\n'
        'data_dir = "."\n\n'
        f'[ws]\nport = {ws_port}\npublic_url = "https://localhost:{ws_port}"\n\n'
        f'[portal]\nport = {portal_port}\npublic_url = "https://localhost:{portal_port}"\n\n'
        f'[portal.carte]\nport = {carte_port}\npublic_url = "https://localhost:{carte_port}"\n\n'
        f'[portal.connexion]\nport = {connexion_port}\npublic_url = "https://localhost:{connexion_port}"\n\n'
        f'[sans_login]\nprocesses = 1\nport = {sans_login_port}\npublic_url = "https://localhost:{sans_login_port}"\n\n'
        f"[publication]\nport = {publication_port}\n\n"
        '[logging]\nformat = "console"\n'
    )
    settings = load_settings(config)
    make_plateforme(settings, ceremony, step)
    return settings, config


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Refuses a second demo in the same folder, before it changes the settings under the first; DemoError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "demo.lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DemoError(f"une autre démonstration se sert déjà de {folder} ; arrêtez-la d'abord") from None
        yield


def _free_port(wanted: int, taken: set[int]) -> int:
    """The usual port when nobody has it, else one of the system's choice."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            if found not in taken:
                return found
    raise DemoError("aucun port libre sur 127.0.0.1")


@contextmanager
def running(settings: Settings, config: Path, journal: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The plateforme for the time of a ``with`` block; its logs go to ``journal``, nothing of it stays afterwards."""
    with journal.open("ab") as log:
        process = subprocess.Popen(
            bound([sys.executable, "-m", "commands", "serve", "--config", str(config)], signum=signal.SIGTERM),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Ctrl-C is for the demo alone: it then stops the plateforme in order.
            start_new_session=True,
            env=_environment(config),
        )
    try:
        _wait_ready(settings, process, journal)
        yield process
    finally:
        with _deaf_to_ctrl_c():
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """A second Ctrl-C would leave the plateforme half stopped."""
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


def _environment(config: Path) -> dict[str, str]:
    return {**os.environ, CONFIG_VARIABLE: str(config), "NO_COLOR": "1"}


def _wait_ready(settings: Settings, process: subprocess.Popen[bytes], journal: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    started = (one for one in (settings.ws, settings.portal, settings.sans_login) if one.processes)
    listeners = [(one.host, one.port) for one in started]
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise DemoError(f"la plateforme s'est arrêtée au démarrage : {_last_line(journal)}")
        if all(tls_answers(*listener) for listener in listeners):
            return
        time.sleep(0.1)
    raise DemoError(f"la plateforme ne répond pas après {_START_SECONDS:.0f} s : {_last_line(journal)}")


def _last_line(journal: Path) -> str:
    lines = journal.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.removeprefix("igc : ") for line in reversed(lines) if line.strip()), "rien dans le journal")
