"""The canal over TLS in front of the real registration authority, on both databases; clients with real certificates."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
import zeep
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from zeep.transports import Transport

from registration.authority import RegistrationAuthority
from registration.peers import PeerChecker
from runtime.http_server import HttpServer, Limits, server_ssl_context
from storage.database import Database
from tests.support.hierarchies import Hierarchy, make_hierarchy
from tests.support.world import World, make_world
from tests.unit.ws.messages import V11
from tests.unit.ws.tls_material import Material, make_material
from ws.app import WsLimits, build_app
from ws.contract_files import ENDPOINT


@pytest.fixture(scope="session")
def hierarchy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the ceremony of plateforme TEST is held."""
    return tmp_path_factory.mktemp("ac-test")


@pytest.fixture(scope="session")
def test_hierarchy(hierarchy_folder: Path) -> Hierarchy:
    """The authorities of plateforme TEST."""
    return make_hierarchy(hierarchy_folder, "TEST")


@pytest.fixture(scope="session")
def production_hierarchy(tmp_path_factory: pytest.TempPathFactory) -> Hierarchy:
    """The authorities of plateforme PRODUCTION."""
    return make_hierarchy(tmp_path_factory.mktemp("ac-production"), "PRODUCTION")


@pytest.fixture(scope="session")
def server_material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """The server's own certificate; its issuer has nothing to do with the plateforme."""
    return make_material(tmp_path_factory.mktemp("tls-ws"))


@dataclass
class Door:
    """A canal that serves a world, and its clients by name."""

    port: int
    world: World
    folder: Path
    server_ca: Path
    pairs: dict[str, tuple[str, str]] = field(default_factory=dict)
    serials: dict[str, str] = field(default_factory=dict)

    def pair(self, name: str) -> tuple[str, str]:
        """Certificate and key of a sender, made when first asked for."""
        if name not in self.pairs:
            enrolled = self.world.enroll_client(name)
            certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
            certificate.write_bytes(x509.load_der_x509_certificate(enrolled.der).public_bytes(Encoding.PEM))
            key.write_bytes(enrolled.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            self.pairs[name] = (str(certificate), str(key))
            self.serials[name] = enrolled.der.hex()
        return self.pairs[name]

    def context(self, name: str) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.server_ca))
        context.load_cert_chain(*self.pair(name))
        return context

    def connect(self, name: str = "dr-leroux") -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("localhost", self.port, context=self.context(name), timeout=60)

    def post(self, message: bytes, name: str = "dr-leroux") -> tuple[int, bytes]:
        connection = self.connect(name)
        try:
            connection.request("POST", ENDPOINT, message, {"Content-Type": V11.content_type})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def zeep(self, session: requests.Session, name: str = "dr-leroux") -> zeep.proxy.ServiceProxy:
        session.trust_env = False
        session.verify = str(self.server_ca)
        session.cert = self.pair(name)
        address = f"https://localhost:{self.port}{ENDPOINT}"
        client = zeep.Client(f"{address}?wsdl", transport=Transport(session=session))
        return client.create_service(next(iter(client.wsdl.bindings)), address)


@pytest.fixture
def world(database: Database, test_hierarchy: Hierarchy) -> World:
    """A world whose clock stands at today: TLS looks at the wall's."""
    world = make_world(database, test_hierarchy)
    world.clock.now = datetime.now(UTC).replace(microsecond=0)
    world.publish_crls()
    return world


@pytest.fixture
def door(world: World, tmp_path: Path, server_material: Material, production_hierarchy: Hierarchy) -> Iterator[Door]:
    """The canal of plateforme TEST; both plateformes' client certificates pass TLS."""
    both = {**world.hierarchy.authorities, **production_hierarchy.authorities}
    authority = RegistrationAuthority(
        world.db,
        plateforme=world.plateforme,
        peers=PeerChecker(world.db, both, world.plateforme),
        chains=world.hierarchy.chains,
        policy=world.policy,
        clock=world.clock,
    )
    anchors = [authority.certificate_der for authority in both.values()]
    context = server_ssl_context(server_material.server_cert, server_material.server_key, anchors)
    app = build_app(authority, public_url="https://localhost:1", limits=WsLimits(max_items=world.policy.max_items))
    server = HttpServer(app, "127.0.0.1", 0, ssl_context=context, limits=Limits(graceful_stop=2))
    with server.in_thread() as port:
        yield Door(port, world, tmp_path, server_material.ca_file)


@pytest.fixture
def foreign_world(world: World, production_hierarchy: Hierarchy) -> World:
    """The same database seen by a batch that holds the keys of PRODUCTION: it can enroll a foreign certificate."""
    return replace(world, hierarchy=production_hierarchy)
