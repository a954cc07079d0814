"""The canal over TLS in front of the real registration authority, on both databases; clients with real certificates."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from storage.database import Database
from tests.support.canals import serve_lots
from tests.support.hierarchies import Hierarchy
from tests.support.pairs import Pair, write_pair
from tests.support.soap_clients import zeep_client, zeep_service
from tests.support.world import World, make_world
from tests.unit.ws.messages import V11
from tests.unit.ws.tls_material import Material, make_material
from ws.contract.files import ENDPOINT
from ws.contract.names import SoapVersion


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
    pairs: dict[str, Pair] = field(default_factory=dict)

    def pair(self, name: str) -> Pair:
        """Certificate and key of a sender, made when first asked for."""
        if name not in self.pairs:
            self.pairs[name] = write_pair(self.folder, name, self.world.enroll_client(name))
        return self.pairs[name]

    def context(self, name: str) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.server_ca))
        context.load_cert_chain(*self.pair(name))
        return context

    def connect(self, name: str = "dr-leroux") -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("localhost", self.port, context=self.context(name), timeout=60)

    def post(self, message: bytes, name: str = "dr-leroux", version: SoapVersion = V11) -> tuple[int, bytes]:
        connection = self.connect(name)
        try:
            connection.request("POST", ENDPOINT, message, {"Content-Type": version.content_type})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def zeep(self, session: requests.Session, name: str = "dr-leroux") -> Any:
        session.trust_env = False
        session.verify = str(self.server_ca)
        session.cert = self.pair(name).strings
        address = f"https://localhost:{self.port}{ENDPOINT}"
        return zeep_service(zeep_client(f"{address}?wsdl", session), address)


@pytest.fixture
def world(database: Database, hierarchy: Hierarchy) -> World:
    """A world whose clock stands at today: TLS looks at the wall's."""
    world = make_world(database, hierarchy)
    world.clock.now = datetime.now(UTC).replace(microsecond=0)
    world.publish_crls()
    return world


@pytest.fixture
def door(world: World, tmp_path: Path, server_material: Material, production_hierarchy: Hierarchy) -> Iterator[Door]:
    """The canal of plateforme TEST; both plateformes' client certificates pass TLS."""
    both = {**world.hierarchy.authorities, **production_hierarchy.authorities}
    recognising = replace(world, recognised=both)
    with serve_lots(recognising, server_material.server_cert, server_material.server_key) as port:
        yield Door(port, world, tmp_path, server_material.ca_file)


@pytest.fixture
def foreign_world(world: World, production_hierarchy: Hierarchy) -> World:
    """The same database seen by a batch that holds the keys of PRODUCTION: it can enroll a foreign certificate."""
    return replace(world, hierarchy=production_hierarchy)
