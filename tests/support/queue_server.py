"""Queues: a Valkey as a production site has it (TCP, password, the same binary as the embedded one), one to harm."""

from __future__ import annotations

import secrets
import signal
import socket
import subprocess
import time
from pathlib import Path

import redis

from runtime.processes.bound import bound
from runtime.processes.embedded_queue import EmbeddedQueue, server_binary

_START_SECONDS = 20.0


class TcpQueueServer:
    """Listens on loopback; ``url`` carries the password, ``address`` does not."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.password = secrets.token_urlsafe(24)
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        # A file and not the command line: the latter is open to every account of the machine.
        config = self.folder / "valkey.conf"
        config.touch(mode=0o600)
        config.write_text(
            f"bind 127.0.0.1\nport {self.port}\nrequirepass {self.password}\ndir {self.folder}\n"
            f'save ""\nappendonly no\nloglevel warning\nlogfile {self.folder / "valkey.log"}\n'
        )
        self._process = subprocess.Popen(
            bound([str(server_binary()), str(config)]), stdin=subprocess.DEVNULL, process_group=0
        )
        deadline = time.monotonic() + _START_SECONDS
        with redis.Redis.from_url(self.url) as client:
            while True:
                try:
                    client.ping()
                except redis.ConnectionError as error:
                    if self._process.poll() is not None or time.monotonic() > deadline:
                        log = (self.folder / "valkey.log").read_text()
                        raise RuntimeError(f"Valkey does not start on port {self.port}: {log}") from error
                    time.sleep(0.02)
                else:
                    return

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(30)
            self._process = None


def free_port() -> int:
    """A TCP port of loopback that was free just now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class HarmedQueue:
    """A queue of this test's own, to be killed and emptied: Valkey on a socket for the embedded set, by URL for the other."""

    def __init__(self, folder: Path, service_set: str) -> None:
        self._server: EmbeddedQueue | TcpQueueServer
        if service_set == "embedded":
            self._server = EmbeddedQueue(folder)
        else:
            folder.mkdir()
            self._server = TcpQueueServer(folder)
        self._folder = folder

    @property
    def url(self) -> str:
        return self._server.url

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def kill(self) -> None:
        """SIGKILL, and nothing of its data is left."""
        process = self._server._process
        assert process is not None
        process.kill()
        process.wait()
        self._server._process = None
        for part in self._folder.rglob("*.aof*"):
            part.unlink(missing_ok=True)

    def wipe(self) -> None:
        with redis.Redis.from_url(self.url) as client:
            client.flushall()


def jobs_waiting(url: str) -> int:
    """How many jobs lie in the queue."""
    with redis.Redis.from_url(url) as client:
        return int(client.llen("rq:queue:igc"))
