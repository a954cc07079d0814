"""The real SOAP canal on its real HTTPS listener, with the real batch beside it, and a line that can be cut anywhere."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from datetime import UTC, datetime

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from commands.enrolment import enroll
from commands.fictitious import STRUCTURES
from pki.content import CertificateContent
from pki.secret_files import certificate_pem
from runtime.http_server import HttpServer, server_ssl_context
from tests.support.world import make_world
from ws.app import build_app

SENDER = "dr-leroux"


class RealService:
    """Where the service listens and what a client needs to call it; ``world`` is the plateforme behind."""

    def __init__(self, db, hierarchy, folder):
        self.folder = folder
        self.world = make_world(db, hierarchy)
        self.world.clock.now = datetime.now(UTC)
        self.world.publish_crls()
        self.ca_file = folder / "ca.pem"
        self.client_files = self.write_pair(SENDER, self.world.enroll_client(SENDER))
        self.ca_file.write_bytes(certificate_pem(self.root))
        structure = STRUCTURES[0]
        content = CertificateContent(
            product="TLS_SERVER",
            common_name="localhost",
            dns_names=("localhost",),
            ip_addresses=("127.0.0.1",),
            state=structure.departement,
            organization=structure.raison_sociale,
            organizational_unit=structure.id_national,
        )
        self.server_files = self.write_pair("serveur", enroll(self.world.context, self.world.plateforme, content))
        self.stopping = threading.Event()

    def write_pair(self, name, enrolled):
        self.root = enrolled.chain[-1]
        pem = enrolled.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (self.folder / f"{name}.key").write_bytes(pem)
        bundle = b"".join(certificate_pem(der) for der in (enrolled.der, *enrolled.chain[:-1]))
        (self.folder / f"{name}.pem").write_bytes(bundle)
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"

    def run_batch(self):
        while not self.stopping.wait(0.05):
            self.world.run_batch()

    @contextlib.contextmanager
    def running(self):
        authorities = [authority.certificate_der for authority in self.world.hierarchy.authorities.values()]
        context = server_ssl_context(*self.server_files, authorities)
        app = build_app(self.world.ra, public_url="https://localhost:8443")
        batch = threading.Thread(target=self.run_batch)
        with HttpServer(app, "127.0.0.1", 0, ssl_context=context).in_thread() as port, Line(port) as line:
            self.line = line
            self.url = f"https://127.0.0.1:{port}/ws/lots/1.0"
            batch.start()
            try:
                yield self
            finally:
                self.stopping.set()
                batch.join()


class Line:
    """A TCP relay that lets ``budget`` bytes through, both ways together, then cuts every connection at once."""

    def __init__(self, port):
        self.target = port
        self.budget = 0
        self.passed = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connections = []
        self.thread = threading.Thread(target=self.relay)
        self.ending = False

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.ending = True
        self.thread.join()
        self.listener.close()

    def open(self, budget):
        """From now on so many more bytes pass."""
        self.budget = self.passed + budget

    def relay(self):
        pairs = {}
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

    def pass_on(self, end, pairs):
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
        cut = pairs if data else {end: pairs[end], pairs[end]: end}
        for one in list(cut):
            # A reset, as a firewall or a pulled cable ends a connection; nothing polite is sent.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.close()
            del pairs[one]
