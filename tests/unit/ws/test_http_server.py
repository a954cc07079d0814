"""The HTTP and TLS front against real sockets: framing, bounds, time-outs, TLS, and who is let in."""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import ssl
import struct
import time
from collections.abc import Iterator
from ssl import TLSVersion

import pytest
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from runtime.listening.server import PEER_CERTIFICATE, HttpServer, Limits, server_ssl_context
from tests.unit.ws.tls_material import Material

QUICK = Limits(
    header_timeout=0.6,
    stall_timeout=0.6,
    write_timeout=1.0,
    handshake_timeout=1.0,
    keep_alive_timeout=1,
    graceful_stop=1,
)


class Echo:
    """An ASGI application that says who the peer is and how many bytes it read."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": message["type"] + ".complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        if scope["path"] == "/early":
            await self._answer(send, b"early")
            return
        if scope["path"] == "/big":
            await self._answer(send, b"x" * 30_000_000)
            return
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
        peer = scope["state"][PEER_CERTIFICATE]
        await self._answer(send, f"{size} {'none' if peer is None else len(peer)}".encode())

    async def _answer(self, send: Send, body: bytes) -> None:
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
def plain() -> Iterator[int]:
    with HttpServer(Echo(), "127.0.0.1", 0, limits=QUICK).in_thread() as port:
        yield port


@pytest.fixture
def tls(material: Material) -> Iterator[int]:
    context = server_ssl_context(material.server_cert, material.server_key, [material.ca_der])
    with HttpServer(Echo(), "127.0.0.1", 0, ssl_context=context, limits=QUICK).in_thread() as port:
        yield port


def exchange(port: int, request: bytes) -> bytes:
    """Send, then read until the server closes or falls silent."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(request)
        return read_all(client)


def read_all(client: socket.socket) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := client.recv(65536):
            received += chunk
    return received


def closes(client: socket.socket, within: float = 8.0) -> bool:
    """Whether the server ends this connection."""
    client.settimeout(within)
    try:
        return read_all(client) is not None
    except TimeoutError:
        return False


GET = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def test_plain_request_and_chunked_body(plain: int) -> None:
    assert exchange(plain, GET).endswith(b"0 none")
    body = (
        b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    )
    assert exchange(plain, body).endswith(b"5 none")


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5",
        b"Content-Length: 5\r\nContent-Length: 5",
        b"Content-Length: 5\r\ncontent-length: 6",
        b"Content-Length: 5, 5",
        b"Content-Length: -5",
        b"Content-Length: 0x5",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: gzip",
        b"Transfer-Encoding: identity",
        b"Bad Header: 1",
    ],
)
def test_ambiguous_framing_is_refused_once_and_the_connection_ends(plain: int, headers: bytes) -> None:
    smuggled = b"0\r\n\r\nGET /early HTTP/1.1\r\nHost: a\r\n\r\n"
    answer = exchange(plain, b"POST / HTTP/1.1\r\nHost: a\r\n" + headers + b"\r\n\r\n" + smuggled)
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431"))
    assert answer.count(b"HTTP/1.1") == 1


def test_header_of_one_megabyte_is_refused(plain: int) -> None:
    answer = exchange(plain, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 1_000_000 + b"\r\n\r\n")
    assert not answer or answer.startswith(b"HTTP/1.1 431")
    assert exchange(plain, GET).endswith(b"0 none")


def test_header_just_above_the_bound_in_one_piece_is_refused(plain: int) -> None:
    answer = exchange(plain, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * QUICK.max_header_bytes + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 431")


def test_silent_client_and_slow_header_are_dropped(plain: int) -> None:
    with (
        socket.create_connection(("127.0.0.1", plain)) as silent,
        socket.create_connection(("127.0.0.1", plain)) as slow,
    ):
        end = time.monotonic() + 8
        closed = False
        with contextlib.suppress(ConnectionError):
            slow.sendall(b"GET / HTTP/1.1\r\n")
            while not closed and time.monotonic() < end:
                slow.sendall(b"X")
                closed = bool(select.select([slow], [], [], 0.1)[0])
        assert closes(slow)
        assert closes(silent)


def test_slow_body_is_dropped(plain: int) -> None:
    with socket.create_connection(("127.0.0.1", plain)) as slow:
        slow.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
        end = time.monotonic() + 8
        closed = False
        with contextlib.suppress(ConnectionError):
            while not closed and time.monotonic() < end:
                slow.sendall(b"X")
                closed = bool(select.select([slow], [], [], 0.1)[0])
        assert closes(slow)


def test_body_that_moves_but_never_ends_is_dropped() -> None:
    limits = Limits(body_timeout=1, min_progress=1, graceful_stop=1)
    with (
        HttpServer(Echo(), "127.0.0.1", 0, limits=limits).in_thread() as port,
        socket.create_connection(("127.0.0.1", port)) as slow,
    ):
        slow.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
        end = time.monotonic() + 8
        closed = False
        with contextlib.suppress(ConnectionError):
            while not closed and time.monotonic() < end:
                slow.sendall(b"X" * 1000)
                closed = bool(select.select([slow], [], [], 0.05)[0])
        assert closes(slow)


def test_answers_do_not_wait_for_acknowledgements() -> None:
    server = HttpServer(Echo(), "127.0.0.1", 0, limits=QUICK)
    with server.in_thread() as port, socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.recv(65536)
        (connection,) = server._server.server_state.connections
        accepted = connection.transport.get_extra_info("socket")
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.long
def test_slow_reader_is_dropped(plain: int) -> None:
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        slow.connect(("127.0.0.1", plain))
        slow.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(4)  # the whole point of this client: it does not read
        received = 0
        slow.settimeout(8)
        with contextlib.suppress(ConnectionResetError):
            while chunk := slow.recv(65536):
                received += len(chunk)
        assert received < 30_000_000


def test_idle_keep_alive_is_dropped(plain: int) -> None:
    with socket.create_connection(("127.0.0.1", plain)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"200" in client.recv(65536)
        assert closes(client)


def test_answer_before_the_body_reaches_a_client_that_sends_first(plain: int) -> None:
    size = 20_000_000
    request = b"POST /early HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: %d\r\n\r\n" % size
    assert exchange(plain, request + b"x" * size).endswith(b"early")


def test_a_body_that_goes_on_after_its_answer_is_cut() -> None:
    limits = Limits(linger_bytes=1_000_000)
    with HttpServer(Echo(), "127.0.0.1", 0, limits=limits).in_thread() as port, socket.socket() as client:
        client.connect(("127.0.0.1", port))
        client.sendall(b"POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 10737418240\r\n\r\n")
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 2000:
                client.sendall(b"x" * 1_000_000)
                sent += 1
        assert sent < 1000


def test_expect_continue(plain: int) -> None:
    head = b"POST %b HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    with socket.create_connection(("127.0.0.1", plain), timeout=10) as client:
        client.sendall(head % b"/")
        assert client.recv(65536).startswith(b"HTTP/1.1 100 ")
        client.sendall(b"hello")
        assert read_all(client).endswith(b"5 none")
    with socket.create_connection(("127.0.0.1", plain), timeout=10) as client:
        client.sendall(head % b"/early")
        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_when_the_house_is_full_the_longest_waiting_gives_way() -> None:
    limits = Limits(max_connections=5)
    with HttpServer(Echo(), "127.0.0.1", 0, limits=limits).in_thread() as port, contextlib.ExitStack() as stack:
        waiting = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(5)]
        assert exchange(port, GET).endswith(b"0 none")
        assert closes(waiting[0])
        waiting[4].sendall(GET)
        assert read_all(waiting[4]).endswith(b"0 none")


def test_two_hundred_silent_clients_delay_nobody(plain: int, tls: int, material: Material) -> None:
    patient = Limits(header_timeout=60, handshake_timeout=60, graceful_stop=1)
    context = server_ssl_context(material.server_cert, material.server_key, [material.ca_der])
    with (
        HttpServer(Echo(), "127.0.0.1", 0, ssl_context=context, limits=patient).in_thread() as port,
        contextlib.ExitStack() as stack,
    ):
        stalled = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(200)]
        for client in stalled[100:]:
            client.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")  # the beginning of a ClientHello
        answer = tls_exchange(port, material.client_context("client"))
        readable = select.select(stalled, [], [], 0)[0]
        assert answer.endswith(b"0 %d" % len(material.certificate_der("client")))
        assert readable == []


def tls_exchange(port: int, context: ssl.SSLContext) -> bytes:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as client,
    ):
        client.sendall(GET)
        return read_all(client)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_versions_and_peer_certificate(tls: int, material: Material, version: TLSVersion) -> None:
    context = material.client_context("client")
    context.minimum_version = context.maximum_version = version
    assert tls_exchange(tls, context).endswith(b"0 %d" % len(material.certificate_der("client")))
    assert tls_exchange(tls, material.client_context(None)).endswith(b"0 none")


def test_tls_1_1_is_refused(tls: int, material: Material) -> None:
    context = material.client_context("client")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(OSError):
        tls_exchange(tls, context)


VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])


@VERSIONS
def test_a_certificate_of_an_unknown_authority_ends_in_a_tls_alert(
    tls: int, material: Material, version: TLSVersion
) -> None:
    context = material.client_context("stranger")
    context.minimum_version = context.maximum_version = version
    with pytest.raises(ssl.SSLError, match=r"ALERT_UNKNOWN_CA|alert unknown ca"):
        tls_exchange(tls, context)


@VERSIONS
@pytest.mark.parametrize("name", ["expired", "future", "server"])
def test_one_of_ours_comes_to_the_application_whatever_its_dates_and_usages_say(
    tls: int, material: Material, name: str, version: TLSVersion
) -> None:
    context = material.client_context(name)
    context.minimum_version = context.maximum_version = version
    assert tls_exchange(tls, context).endswith(b"0 %d" % len(material.certificate_der(name)))


@VERSIONS
@pytest.mark.parametrize("name", ["stranger", "expired", "server", None])
def test_where_a_certificate_is_required_openssl_judges_everything(
    material: Material, name: str | None, version: TLSVersion
) -> None:
    context = server_ssl_context(
        material.server_cert, material.server_key, [material.ca_der], require_client_certificate=True
    )
    with HttpServer(Echo(), "127.0.0.1", 0, ssl_context=context, limits=QUICK).in_thread() as port:
        client = material.client_context(name)
        client.minimum_version = client.maximum_version = version
        with pytest.raises(ssl.SSLError, match=r"ALERT|alert"):
            tls_exchange(port, client)


def test_without_authorities_nothing_is_asked_and_nothing_named(material: Material) -> None:
    context = server_ssl_context(material.server_cert, material.server_key)
    with HttpServer(Echo(), "127.0.0.1", 0, ssl_context=context, limits=QUICK).in_thread() as port:
        assert tls_exchange(port, material.client_context("client")).endswith(b"0 none")


def test_a_build_of_python_that_hides_openssl_serves_all_the_same(
    material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.listening.native_tls._library", None)
    with capture_logs() as logs:
        context = server_ssl_context(material.server_cert, material.server_key, [material.ca_der])
    assert [line["event"] for line in logs] == [
        "tls without names of client authorities, this build of Python does not let us set them"
    ]
    with HttpServer(Echo(), "127.0.0.1", 0, ssl_context=context, limits=QUICK).in_thread() as port:
        assert b"200" in tls_exchange(port, material.client_context("client"))
        with pytest.raises(ssl.SSLError, match=r"ALERT|alert"):
            tls_exchange(port, material.client_context("server"))


def reconnect(port: int, context: ssl.SSLContext) -> list[tuple[bool, bytes]]:
    """Three connections, each offering the session of the one before; whether it was resumed, and the answer."""
    session, seen = None, []
    for _ in range(3):
        raw = socket.create_connection(("127.0.0.1", port), timeout=10)
        with context.wrap_socket(raw, server_hostname="localhost", session=session) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = client.recv(65536)
            while not answer.rpartition(b"\r\n\r\n")[2]:
                answer += client.recv(65536)
            seen.append((bool(client.session_reused), answer))
            session = client.session
            with contextlib.suppress(OSError):
                client.unwrap()
    return seen


@VERSIONS
def test_sessions_are_never_resumed_and_show_the_certificate_each_time(
    tls: int, material: Material, version: TLSVersion
) -> None:
    context = material.client_context("client")
    context.minimum_version = context.maximum_version = version
    expected = b"0 %d" % len(material.certificate_der("client"))
    seen = reconnect(tls, context)
    assert [reused for reused, _ in seen] == [False] * 3
    assert all(answer.endswith(expected) for _, answer in seen)


def test_a_client_that_keeps_a_closed_connection_hinders_no_stop(
    material: Material, caplog: pytest.LogCaptureFixture
) -> None:
    """The server has said farewell and is told to stop: it closes nothing twice, and what is reset then is over."""
    context = server_ssl_context(material.server_cert, material.server_key, [material.ca_der])
    with HttpServer(Echo(), "127.0.0.1", 0, ssl_context=context, limits=QUICK).in_thread() as port:
        client = material.client_context(None).wrap_socket(
            socket.create_connection(("127.0.0.1", port)), server_hostname="localhost"
        )
        client.sendall(GET)
        assert b"200 OK" in client.recv(65536)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_a_failed_handshake_does_not_keep_what_follows(tls: int, material: Material) -> None:
    context = material.client_context("stranger")
    with (
        socket.create_connection(("127.0.0.1", tls), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as client,
    ):
        with contextlib.suppress(OSError):
            for _ in range(200):
                client.sendall(b"x" * 100_000)
        with pytest.raises(OSError, match=r"(?i)alert|reset"):
            client.recv(10)


def test_plain_http_beyond_loopback_is_refused() -> None:
    with pytest.raises(ValueError, match="loopback"):
        HttpServer(Echo(), "0.0.0.0", 0)
