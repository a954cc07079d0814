"""The real SOAP canal on its real HTTPS listener, with the real batch beside it, and a line that can be cut anywhere."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from batch.issuing.own_certificates import enroll
from pki.certificates.pem import certificate_pem
from storage.database import Database
from tests.support.canals import serve_lots
from tests.support.hierarchies import Hierarchy
from tests.support.pairs import LISTENER, write_pair
from tests.support.world import make_world

SENDER = "dr-leroux"


class RealService:
    """Where the service listens and what a client needs to call it; ``world`` is the plateforme behind."""

    line: Line
    url: str

    def __init__(self, db: Database, hierarchy: Hierarchy, folder: Path) -> None:
        self.world = make_world(db, hierarchy)
        self.world.clock.now = datetime.now(UTC)
        self.world.publish_crls()
        client = self.world.enroll_client(SENDER)
        self.client_files = write_pair(folder, SENDER, client)
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(certificate_pem(client.chain[-1]))
        self.server_files = write_pair(folder, "serveur", enroll(self.world.context, self.world.plateforme, LISTENER))
        self.stopping = threading.Event()

    def run_batch(self) -> None:
        while not self.stopping.wait(0.05):
            self.world.run_batch()

    @contextlib.contextmanager
    def running(self) -> Iterator[Self]:
        batch = threading.Thread(target=self.run_batch)
        with serve_lots(self.world, *self.server_files) as port, Line(port) as line:
            self.line = line
            self.url = f"https://127.0.0.1:{port}/ws/lots/1.0"
            batch.start()
            try:
                yield self
            finally:
                self.stopping.set()
                batch.join()


class Line:
    """A TCP relay that lets ``budget`` bytes through, both ways together, then cuts every connection at once.

    ``on_spent`` is called at that moment, before the cut: to kill who is speaking, for instance.
    """

    def __init__(self, port: int) -> None:
        self.target = port
        self.budget = 0
        self.passed = 0
        self.on_spent: Callable[[], None] = lambda: None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.relay)
        self.ending = False

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.ending = True
        self.thread.join()
        self.listener.close()

    def open(self, budget: int) -> None:
        """From now on so many more bytes pass."""
        self.budget = self.passed + budget

    def relay(self) -> None:
        pairs: dict[socket.socket, socket.socket] = {}
        while not self.ending:
            ready, _, _ = select.select([self.listener, *pairs], [], [], 0.02)
            for end in ready:
                if end is self.listener:
                    client, _ = self.listener.accept()
                    server = socket.create_connection(("127.0.0.1", self.target))
                    pairs[client], pairs[server] = server, client
                elif end in pairs:
                    self.pass_on(end, pairs)
        for end in pairs:
            end.close()

    def pass_on(self, end: socket.socket, pairs: dict[socket.socket, socket.socket]) -> None:
        try:
            data = end.recv(512)
            allowed = data[: max(0, self.budget - self.passed)]
            self.passed += len(allowed)
            if allowed:
                pairs[end].sendall(allowed)
        except OSError:
            data = allowed = b""
        if allowed and len(allowed) == len(data):
            return
        if data:
            self.on_spent()
        cut = pairs if data else {end: pairs[end], pairs[end]: end}
        for one in list(cut):
            # A reset, as a firewall or a pulled cable ends a connection; nothing polite is sent.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.close()
            del pairs[one]
