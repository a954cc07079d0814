"""Every way of not reaching the service, over real sockets: who, why, and what to do about it, in French."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clients.cli.failures import exit_code_of
from clients.errors import (
    CertificateRefusedError,
    ConnectionLostError,
    IgcClientError,
    ServerNotTrustedError,
    SettingsError,
    UnexpectedAnswerError,
)
from clients.service.failures import Endpoint, translated_errors
from clients.service.lots import RetryPolicy, ServiceLots
from tests.integration.clients.stand_in.authority import StandInAuthority
from tests.integration.clients.stand_in.listener import serve
from tests.integration.clients.stand_in.service import StandIn

pytestmark = pytest.mark.long

ONCE = RetryPolicy(attempts=1)


@contextlib.contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port of 127.0.0.1 where each connection is given to ``answer`` and then closed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, contextlib.suppress(OSError):
                        answer(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def failure_of_call(connect: Callable[..., ServiceLots], **options: Any) -> IgcClientError:
    with pytest.raises(IgcClientError) as caught:
        connect(retry=ONCE, **options).consulter_service()
    return caught.value


def plain_http(connection: socket.socket) -> None:
    connection.recv(512)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def silence(connection: socket.socket) -> None:
    connection.settimeout(5)
    while connection.recv(512):
        pass


def goodbye(connection: socket.socket) -> None:
    connection.recv(512)


def refusing(status: int) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.recv(512)
        connection.sendall(f"HTTP/1.1 {status} Non\r\n\r\n".encode())

    return answer


@pytest.mark.parametrize(
    ("answer", "kind", "words", "code"),
    [
        (plain_http, UnexpectedAnswerError, "pas en TLS", 4),
        (silence, ConnectionLostError, "silencieux plus de 1 s", 4),
        (goodbye, ConnectionLostError, "a coupé la connexion", 4),
    ],
)
def test_who_answers_something_else_is_named_with_its_port(
    connect: Callable[..., ServiceLots],
    answer: Callable[[socket.socket], None],
    kind: type[IgcClientError],
    words: str,
    code: int,
) -> None:
    with listening(answer) as port:
        error = failure_of_call(connect, url=f"https://127.0.0.1:{port}/ws/lots/1.0", timeout=1)
    assert type(error) is kind
    assert f"127.0.0.1:{port}" in str(error)
    assert words in str(error)
    assert exit_code_of(error) == code


def test_a_port_where_nobody_listens_is_named(connect: Callable[..., ServiceLots]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = failure_of_call(connect, url=f"https://127.0.0.1:{port}/ws/lots/1.0")
    assert type(error) is ConnectionLostError
    assert str(error).startswith(f"127.0.0.1:{port} refuse la connexion")


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        (socket.gaierror(socket.EAI_NONAME, "unknown"), "igc.example:8443 est inconnu du DNS"),
        (socket.gaierror(socket.EAI_AGAIN, "again"), "le DNS ne répond pas"),
        (OSError(errno.ENETUNREACH, "unreachable"), "pas de route"),
        (OSError(errno.EHOSTUNREACH, "unreachable"), "machine ne répond pas"),
        (TimeoutError(errno.ETIMEDOUT, "timed out"), "demande de connexion"),
        (TimeoutError("timed out"), "demande de connexion"),
    ],
)
def test_a_name_or_a_network_that_leads_nowhere_is_named(
    connect: Callable[..., ServiceLots], monkeypatch: pytest.MonkeyPatch, raised: OSError, words: str
) -> None:
    def nowhere(*_arguments: object, **_options: object) -> None:
        raise raised

    where = "getaddrinfo" if isinstance(raised, socket.gaierror) else "socket"
    monkeypatch.setattr(socket, where, nowhere)
    error = failure_of_call(connect, url="https://localhost:8443/ws/lots/1.0".replace("localhost", "igc.example"))
    if where == "socket":
        # The name may not resolve here: what is left to be said is then the DNS.
        assert isinstance(error, ConnectionLostError)
        error = failure_of_call(connect, url="https://127.0.0.1:8443/ws/lots/1.0")
    assert type(error) is ConnectionLostError
    assert words in str(error)
    assert raised.strerror is None or raised.strerror not in str(error)


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (407, UnexpectedAnswerError, "un nom et un mot de passe"),
        (403, UnexpectedAnswerError, "HTTP 403"),
        (503, ConnectionLostError, "HTTP 503"),
    ],
)
def test_a_proxy_that_refuses_is_named_without_its_password(
    connect: Callable[..., ServiceLots], status: int, kind: type[IgcClientError], words: str
) -> None:
    with listening(refusing(status)) as port:
        error = failure_of_call(connect, proxy=f"http://moi:secret@127.0.0.1:{port}")
    assert type(error) is kind
    assert f"mandataire 127.0.0.1:{port}" in str(error)
    assert words in str(error)
    assert "secret" not in str(error)


def test_a_proxy_that_is_not_there_is_named_instead_of_the_service(connect: Callable[..., ServiceLots]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = failure_of_call(connect, proxy=f"http://moi:secret@127.0.0.1:{port}")
    assert str(error).startswith(f"Le mandataire 127.0.0.1:{port} refuse la connexion")
    assert "secret" not in str(error)


@pytest.mark.parametrize("proxy", ["http://", "ftp://127.0.0.1:1", "http://127.0.0.1:port"])
def test_an_address_that_is_no_proxy_is_a_setting(connect: Callable[..., ServiceLots], proxy: str) -> None:
    assert type(failure_of_call(connect, proxy=proxy)) is SettingsError


def test_a_server_of_another_authority_is_told_with_the_file_of_ours(
    connect: Callable[..., ServiceLots], tmp_path: Path
) -> None:
    other = StandInAuthority(tmp_path)
    error = failure_of_call(connect, ca=other.ca_file)
    assert type(error) is ServerNotTrustedError
    assert "127.0.0.1" in str(error)
    assert str(other.ca_file) in str(error)


def test_a_server_out_of_date_or_of_another_name_is_told_so(
    connect: Callable[..., ServiceLots], authority: StandInAuthority
) -> None:
    former = authority.server_files
    try:
        authority.server_files = authority.leaf_files("ancien", server=True, life=dt.timedelta(days=-1))
        with serve(StandIn(authority)) as service:
            error = failure_of_call(connect, url=service.url)
        assert type(error) is ServerNotTrustedError
        assert "a expiré" in str(error)
        authority.server_files = authority.leaf_files("sans-nom")
        with serve(StandIn(authority)) as service:
            assert "adresse IP" in str(failure_of_call(connect, url=service.url))
            named = service.url.replace("127.0.0.1", "localhost")
            assert "ne porte pas ce nom" in str(failure_of_call(connect, url=named))
    finally:
        authority.server_files = former


@pytest.mark.parametrize(("kind", "words"), [("unknown", "AC"), ("expired", "expiré le")])
def test_a_client_certificate_that_is_refused_is_named_with_its_file_and_end(
    connect: Callable[..., ServiceLots], authority: StandInAuthority, tmp_path: Path, kind: str, words: str
) -> None:
    files = (
        StandInAuthority(tmp_path).client_files
        if kind == "unknown"
        else authority.leaf_files("vieux", life=dt.timedelta(days=-1))
    )
    error = failure_of_call(connect, certificate=files)
    assert type(error) is CertificateRefusedError
    assert exit_code_of(error) == 3
    assert str(files.certificate) in str(error)
    assert words in str(error)
    assert "127.0.0.1" in str(error)


REASONS = [
    ("TLSV13_ALERT_CERTIFICATE_REQUIRED", CertificateRefusedError, "aucun"),
    ("SSLV3_ALERT_CERTIFICATE_EXPIRED", CertificateRefusedError, "renouvelez-le"),
    ("SSL/TLS_ALERT_CERTIFICATE_EXPIRED", CertificateRefusedError, "renouvelez-le"),
    ("SSLV3_ALERT_CERTIFICATE_REVOKED", CertificateRefusedError, "révoqué"),
    ("TLSV1_ALERT_UNKNOWN_CA", CertificateRefusedError, "cette plateforme"),
    ("SSLV3_ALERT_UNSUPPORTED_CERTIFICATE", CertificateRefusedError, "AUTH_CLI"),
    ("SSLV3_ALERT_BAD_CERTIFICATE", CertificateRefusedError, "mal formé"),
    ("SSLV3_ALERT_CERTIFICATE_UNKNOWN", CertificateRefusedError, "sans dire pourquoi"),
    ("SSLV3_ALERT_HANDSHAKE_FAILURE", CertificateRefusedError, "sans dire pourquoi"),
    ("TLSV1_ALERT_ACCESS_DENIED", CertificateRefusedError, "droit d'entrer"),
    ("TLSV1_ALERT_DECRYPT_ERROR", CertificateRefusedError, "signature"),
    ("TLSV1_ALERT_PROTOCOL_VERSION", UnexpectedAnswerError, "TLS 1.2"),
    ("UNSUPPORTED_PROTOCOL", UnexpectedAnswerError, "TLS 1.2"),
    ("TLSV1_UNRECOGNIZED_NAME", UnexpectedAnswerError, "sous ce nom"),
    ("WRONG_VERSION_NUMBER", UnexpectedAnswerError, "pas en TLS"),
    ("TLSV1_ALERT_INTERNAL_ERROR", ConnectionLostError, "a coupé"),
]


@pytest.mark.parametrize(("reason", "kind", "words"), REASONS)
def test_each_alert_says_what_can_be_done(
    authority: StandInAuthority, reason: str, kind: type[IgcClientError], words: str
) -> None:
    import requests

    certificate = authority.client_files.certificate
    endpoint = Endpoint(url="https://igc.example/", certificate=certificate, ca=None, proxy=None, timeout=1)
    alert = ssl.SSLError(1, f"[SSL: {reason}] (_ssl.c:1006)")
    alert.reason = reason
    with pytest.raises(kind, match=words) as caught, translated_errors(endpoint):
        raise requests.exceptions.SSLError(alert)
    assert "igc.example" in str(caught.value)
    assert reason not in str(caught.value)
    if kind is CertificateRefusedError:
        assert str(certificate) in str(caught.value)
        assert "valable jusqu'au" in str(caught.value)
