"""A listener and the renewal of its pair, over real connections: what it takes up, and what it never does."""

from __future__ import annotations

import shutil
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from runtime.listening import tls
from runtime.listening.server import HttpServer, server_ssl_context
from runtime.listening.tls import ServerContext, pending_certificate
from tests.support.assertions import the
from tests.unit.ws.test_http_server import GET, QUICK, Echo, read_all
from tests.unit.ws.tls_material import Material


@dataclass
class Pair:
    """The pair of a listener; any holder of the material can lend his."""

    folder: Path
    material: Material

    @property
    def certificate(self) -> Path:
        return self.folder / "ws.pem"

    @property
    def key(self) -> Path:
        return self.folder / "ws.key"

    def put(self, source: str, target: Path) -> None:
        """As a renewal does: a whole new file in the place of the old one."""
        new = target.with_name(f".{target.name}")
        shutil.copy(self.folder.parent / "tls" / source, new)
        new.replace(target)

    def context(self) -> ServerContext:
        return server_ssl_context(self.certificate, self.key, [self.material.ca_der])


@pytest.fixture
def pair(tmp_path: Path, material: Material, monkeypatch: pytest.MonkeyPatch) -> Pair:
    monkeypatch.setattr(tls, "_LOOK_SECONDS", 0.0)  # every connection looks
    shutil.copytree(material.folder, tmp_path / "tls")
    (tmp_path / "listener").mkdir()
    pair = Pair(tmp_path / "listener", material)
    pair.put("server.pem", pair.certificate)
    pair.put("server.key", pair.key)
    return pair


def connect(port: int, material: Material, name: str | None = None) -> ssl.SSLSocket:
    context = material.client_context(name)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=10))


def served(port: int, material: Material) -> bytes:
    with connect(port, material) as client:
        return the(client.getpeercert(binary_form=True))


def test_renewed_pair_serves_the_next_connections(pair: Pair, material: Material) -> None:
    with HttpServer(Echo(), "127.0.0.1", 0, ssl_context=pair.context(), limits=QUICK).in_thread() as port:
        with connect(port, material) as early:
            assert early.getpeercert(binary_form=True) == material.certificate_der("server")
            pair.put("other.key", pair.key)
            # The certificate is still that of the former key.
            assert served(port, material) == material.certificate_der("server")
            pair.put("other.pem", pair.certificate)
            assert served(port, material) == material.certificate_der("other")
            early.sendall(GET)
            assert read_all(early).endswith(b"0 none")
        # The trust anchors are those of before.
        with connect(port, material, "client") as client:
            client.sendall(GET)
            assert read_all(client).endswith(b"0 %d" % len(material.certificate_der("client")))
        with connect(port, material, "stranger") as client:
            client.sendall(GET)
            with pytest.raises(ssl.SSLError):
                read_all(client)


def test_half_replaced_pair_serves_and_starts(pair: Pair, material: Material) -> None:
    with HttpServer(Echo(), "127.0.0.1", 0, ssl_context=pair.context(), limits=QUICK).in_thread() as port:
        pair.put("other.pem", pending_certificate(pair.certificate))
        assert served(port, material) == material.certificate_der("server")
        pair.put("other.key", pair.key)
        assert served(port, material) == material.certificate_der("other")
    with HttpServer(Echo(), "127.0.0.1", 0, ssl_context=pair.context(), limits=QUICK).in_thread() as port:
        assert served(port, material) == material.certificate_der("other")
        pair.put("other.pem", pair.certificate)
        pending_certificate(pair.certificate).unlink()
        assert served(port, material) == material.certificate_der("other")


def encrypted(pair: Pair) -> None:
    key = load_pem_private_key(pair.key.read_bytes(), None)
    content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"phrase"))
    pair.key.write_bytes(content)


SPOILT = {
    "words": lambda pair: pair.certificate.write_text("words"),
    "no certificate": lambda pair: pair.certificate.unlink(),
    "no key": lambda pair: pair.key.unlink(),
    "key of another": lambda pair: pair.put("client.key", pair.key),
    "pending of a third": lambda pair: (
        pair.put("client.key", pair.key),
        pair.put("other.pem", pending_certificate(pair.certificate)),
    ),
    "encrypted key": encrypted,
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_is_no_pair_is_not_taken_up(pair: Pair, material: Material, name: str) -> None:
    with HttpServer(Echo(), "127.0.0.1", 0, ssl_context=pair.context(), limits=QUICK).in_thread() as port:
        SPOILT[name](pair)
        assert [served(port, material) for _ in range(2)] == [material.certificate_der("server")] * 2
    with pytest.raises(OSError):
        pair.context()
