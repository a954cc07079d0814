"""The door of cards from outside: what a CPx card can do opens it, what no card can do is not asked for."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from cryptography.x509.oid import NameOID
from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey
from tlslite.errors import TLSError

from runtime.listening import tls
from tests.integration.portal.portes import Portes, served_doors
from tests.integration.portal.world import PortalWorld
from tests.support.pairs import Pair

_TLS12, _TLS13 = (3, 3), (3, 4)
_CARD_PATHS = ["/", "/suivi", "/demander"]


@pytest.fixture(scope="module")
def portes(world: PortalWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portes]:
    with served_doors(world, tmp_path_factory.mktemp("carte")) as served:
        yield served


def port_of(address: str) -> int:
    port = urlsplit(address).port
    assert port is not None
    return port


def card_settings(*, schemes: tuple[str, ...] = ("pkcs1",), version: tuple[int, int] = _TLS12) -> Any:
    """What a client with this card can do; a CPx card signs in PKCS#1 v1.5 alone."""
    settings = HandshakeSettings()
    settings.minVersion = settings.maxVersion = version
    settings.rsaSchemes = list(schemes)
    settings.ecdsaSigHashes = []
    settings.more_sig_schemes = []
    return settings.validate()


@contextmanager
def like_a_card(address: str, holder: Pair, settings: Any) -> Iterator[Any]:
    """A connection whose client key signs by those schemes only, in Python from end to end."""
    chain = X509CertChain()
    chain.parsePemList(holder.certificate.read_text())
    key = parsePEMKey(holder.key.read_text(), private=True)
    with socket.create_connection(("127.0.0.1", port_of(address)), timeout=30) as raw:
        connection = TLSConnection(raw)
        connection.handshakeClientCert(certChain=chain, privateKey=key, settings=settings, serverName="localhost")
        yield connection


def ask(connection: Any, path: str) -> str:
    connection.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    answer = b""
    while part := connection.read(max=65_536):
        answer += bytes(part)
    return answer.decode()


@pytest.mark.parametrize("path", _CARD_PATHS)
def test_a_key_that_signs_as_a_card_does_comes_in(portes: Portes, path: str) -> None:
    with like_a_card(portes.carte, portes.world.client("dr-leroux"), card_settings()) as connection:
        answer = ask(connection, path)
    assert answer.startswith("HTTP/1.1 200 "), answer
    assert "<strong>LEROUX CAMILLE</strong>" in answer


def test_a_client_that_signs_by_pss_alone_is_refused_in_the_handshake(portes: Portes) -> None:
    pss = card_settings(schemes=("pss",))
    with pytest.raises(TLSError), like_a_card(portes.carte, portes.world.client("dr-leroux"), pss) as connection:
        ask(connection, "/")
    with like_a_card(portes.certificat, portes.world.client("dr-leroux"), pss) as connection:
        assert ask(connection, "/").startswith("HTTP/1.1 200 "), "the other door takes it"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2])
def test_it_speaks_tls_1_2_only(portes: Portes, version: ssl.TLSVersion) -> None:
    context = ssl.create_default_context(cafile=str(portes.world.root))
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", port_of(portes.carte)), timeout=30) as raw:
        if version is ssl.TLSVersion.TLSv1_3:
            with pytest.raises(ssl.SSLError, match="VERSION"):
                context.wrap_socket(raw, server_hostname="localhost")
        else:
            with context.wrap_socket(raw, server_hostname="localhost") as connection:
                assert connection.version() == "TLSv1.2"


def test_it_asks_for_pkcs1_and_for_cards_alone(portes: Portes) -> None:
    """RFC 5246 §7.4.4, read byte by byte: the types of keys, the signatures, the names of the authorities."""
    schemes, names = asked_of_clients(port_of(portes.carte))
    assert schemes == {0x0401, 0x0501, 0x0601}, "rsa_pkcs1_sha256, 384, 512"
    (name,) = portes.world.client("dr-leroux").leaf().issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert [card for card in names if str(name.value).encode() in card]
    (other,) = portes.world.client("dpi-acacias").leaf().issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert not [one for one in names if str(other.value).encode() in one]
    elsewhere, _ = asked_of_clients(port_of(portes.certificat))
    assert 0x0804 in elsewhere, "rsa_pss_rsae_sha256 at the other door"
    assert asked_of_clients(port_of(portes.connexion)) == (set(), [])


def asked_of_clients(port: int) -> tuple[set[int], list[bytes]]:
    """Signature schemes and names of the CertificateRequest of a TLS 1.2 handshake; nothing where none is asked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    seen: list[bytes] = []
    context._msg_callback = lambda *told: seen.append(told[5])  # type: ignore[attr-defined]  # for debugging, says Python
    with (
        socket.create_connection(("127.0.0.1", port), timeout=30) as raw,
        context.wrap_socket(raw, server_hostname="localhost"),
    ):
        pass
    asked = [message for message in seen if message[:1] == b"\x0d" and len(message) > 4]
    if not asked:
        return set(), []
    body = asked[0][4:]
    types = body[0]
    size = int.from_bytes(body[1 + types : 3 + types])
    listed = body[3 + types : 3 + types + size]
    rest, names = body[3 + types + size + 2 :], []
    while rest:
        length = int.from_bytes(rest[:2])
        names.append(rest[2 : 2 + length])
        rest = rest[2 + length :]
    return {int.from_bytes(listed[place : place + 2]) for place in range(0, size, 2)}, names


def test_a_software_certificate_is_refused_there(portes: Portes) -> None:
    session = portes.visitor("dpi-acacias")
    with pytest.raises(requests.exceptions.ConnectionError):
        session.get(portes.carte, timeout=30)
    assert portes.visitor("dpi-acacias").get(portes.certificat, timeout=30).status_code == 200


def test_without_a_card_the_page_says_what_to_check(portes: Portes) -> None:
    page = portes.visitor().get(portes.carte, timeout=30)
    assert (page.status_code, "ERR_IHM_002" in page.text) == (403, True)
    assert "Vérifiez que votre carte est bien dans le lecteur" in page.text
    for address in (f"{portes.connexion}/connexion", f"{portes.connexion}/poste", "mailto:aide@igc.example"):
        assert f'href="{address}"' in page.text
    assert "01 99 00 99 00" in page.text


def test_the_workstation_is_tried_at_the_door_of_cards(portes: Portes) -> None:
    told = portes.visitor().get(f"{portes.connexion}/poste", timeout=30)
    assert f'href="{portes.carte}/poste/verification"' in told.text
    unfit = portes.visitor().get(f"{portes.carte}/poste/verification", timeout=30)
    assert (unfit.status_code, "ERR_IHM_001" in unfit.text) == (403, True)
    assert "Cryptolib CPS" in unfit.text
    assert 'href="/poste/verification"' in unfit.text
    ready = portes.visitor("dr-leroux").get(f"{portes.carte}/poste/verification", timeout=30)
    assert (ready.status_code, "Votre poste est prêt" in ready.text) == (200, True)


def test_a_card_of_the_other_plateforme_is_told_so(portes: Portes) -> None:
    page = portes.visitor(portes.world.foreigner).get(portes.carte, timeout=30)
    assert (page.status_code, "ERR_WS_023" in page.text) == (403, True)


def test_where_openssl_takes_no_list_the_door_does_not_open_without_a_word(
    world: PortalWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would make OpenSSL's clients fail is an error at the start, not at each login."""
    section = world.here.settings.portal

    def open_it() -> object:
        certificate, key = section.tls_certificate_file, section.tls_key_file.path
        return tls.server_ssl_context(certificate, key, world.here.trust_anchors, for_cards=True)

    assert open_it()
    with monkeypatch.context() as patch:
        patch.setattr(tls, "_CARD_SIGNATURES", "no such algorithm")
        with pytest.raises(ssl.SSLError, match="signature algorithms"):
            open_it()


def test_the_session_of_a_card_is_no_session_elsewhere(portes: Portes) -> None:
    session = portes.visitor("dr-leroux")
    session.get(f"{portes.carte}/demander", timeout=30)
    (name,) = [cookie.name for cookie in session.cookies if cookie.name.startswith("__Host-portail")]
    assert name == "__Host-portail-carte"
    moved = {"Cookie": f"__Host-portail-connexion={session.cookies[name]}"}
    assert portes.visitor().get(portes.connexion, headers=moved, timeout=30).url.endswith("/connexion?suite=/")
