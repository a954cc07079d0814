"""The whole canal in one process over real TLS: certificates made here, the desk behind it."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from runtime.listening.server import HttpServer, Limits, server_ssl_context
from tests.unit.ws.desk import Desk
from tests.unit.ws.messages import V11
from tests.unit.ws.tls_material import Material, make_material
from ws.app import WsLimits, build_app
from ws.contract.files import ENDPOINT
from ws.contract.names import SoapVersion

PUBLIC_URL = "https://ws.igc.example:9443"


@dataclass
class Canal:
    """A running canal and how to talk to it."""

    port: int
    material: Material
    desk: Desk

    def connect(self, name: str | None = "client") -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(
            "localhost", self.port, context=self.material.client_context(name), timeout=30
        )

    def exchange(
        self,
        method: str,
        path: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: dict[str, str] | None = None,
        *,
        name: str | None = "client",
    ) -> tuple[int, dict[str, str], bytes]:
        connection = self.connect(name)
        try:
            connection.request(method, path, body, headers or {}, encode_chunked=hasattr(body, "__next__"))
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def post(
        self,
        message: bytes,
        version: SoapVersion = V11,
        headers: dict[str, str] | None = None,
        *,
        name: str | None = "client",
    ) -> tuple[int, bytes]:
        """Status and content of a call."""
        headers = {"Content-Type": version.content_type, **(headers or {})}
        status, _, content = self.exchange("POST", ENDPOINT, message, headers, name=name)
        return status, content


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return make_material(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def _running(material: Material) -> Iterator[Canal]:
    desk = Desk({material.certificate_der("client"): "CHU EXEMPLE", material.certificate_der("other"): "AUTRE"})
    app = build_app(desk, public_url=PUBLIC_URL, limits=WsLimits(max_wait=5))
    context = server_ssl_context(material.server_cert, material.server_key, [material.ca_der])
    limits = Limits(header_timeout=60, handshake_timeout=60, graceful_stop=2)
    with HttpServer(app, "127.0.0.1", 0, ssl_context=context, limits=limits).in_thread() as port:
        yield Canal(port, material, desk)


@pytest.fixture
def canal(_running: Canal) -> Canal:
    _running.desk.calls.clear()
    _running.desk.kept.clear()
    _running.desk.revoked.clear()
    return _running
