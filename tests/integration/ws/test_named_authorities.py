"""The handshake names the authorities whose client certificates are accepted: Java, Windows and browsers choose by it."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from runtime.listening.server import HttpServer, Limits, server_ssl_context
from tests.integration.ws.conftest import Door
from tests.support.named_authorities import named_authorities
from tests.unit.ws.test_http_server import Echo
from tests.unit.ws.tls_material import Issuer, Material

pytestmark = pytest.mark.needs("openssl")
VERSIONS = pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])


@VERSIONS
def test_each_name_once_in_the_order_given(server_material: Material, version: str) -> None:
    names = ["AC TEST", "AC VOISINE", "AC VOISINE"]  # the third is a second key of the same name
    authorities = [Issuer(name).certificate.public_bytes(Encoding.DER) for name in names]
    context = server_ssl_context(server_material.server_cert, server_material.server_key, authorities)
    limits = Limits(graceful_stop=1)
    with HttpServer(Echo(), "127.0.0.1", 0, ssl_context=context, limits=limits).in_thread() as port:
        assert named_authorities(port, version) == names[:2]


@VERSIONS
def test_without_authorities_none_is_named(server_material: Material, version: str) -> None:
    context = server_ssl_context(server_material.server_cert, server_material.server_key)
    limits = Limits(graceful_stop=1)
    with HttpServer(Echo(), "127.0.0.1", 0, ssl_context=context, limits=limits).in_thread() as port:
        assert named_authorities(port, version) == []


@VERSIONS
def test_the_canal_names_those_of_the_plateforme(door: Door, version: str) -> None:
    issuer = x509.load_pem_x509_certificate(door.pair("dr-leroux").certificate.read_bytes()).issuer
    (name,) = issuer.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    assert name.value in named_authorities(door.port, version)
