"""Requests octet by octet against a listening server, with and without TLS: what is answered, what is not."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from runtime.listening.server import HttpServer, Limits, server_ssl_context
from tests.unit.ws.test_http_server import Echo, read_all
from tests.unit.ws.tls_material import Material

LIMITS = Limits(graceful_stop=1)
Connect = Callable[[], socket.socket]
Half = Callable[[bytes], bytes]


class Slow(Echo):
    """Says the target and Host of what it was asked, after a while."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] == "POST":
            await super().__call__(scope, receive, send)
            return
        import asyncio

        await asyncio.sleep(0.3)
        host = dict(scope["headers"]).get(b"host", b"-")
        await self._answer(send, b"%b %b %b" % (scope["raw_path"], scope["query_string"], host))


@pytest.fixture(params=["plain", "tls"])
def connect(request: pytest.FixtureRequest, material: Material) -> Iterator[Connect]:
    tls = request.param == "tls"
    context = server_ssl_context(material.server_cert, material.server_key, [material.ca_der]) if tls else None
    client = material.client_context("client")
    with (
        HttpServer(Slow(), "127.0.0.1", 0, ssl_context=context, limits=LIMITS).in_thread() as port,
        contextlib.ExitStack() as stack,
    ):

        def open_one() -> socket.socket:
            raw = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            return stack.enter_context(client.wrap_socket(raw, server_hostname="localhost")) if tls else raw

        yield open_one


def exchange(connect: Connect, *pieces: bytes) -> bytes:
    """Send the pieces one after the other, then read until the server closes."""
    client = connect()
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            client.sendall(piece)
            time.sleep(0.05 if len(pieces) > 1 else 0)
    return read_all(client)


GET = b"GET /a?b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


def test_absolute_form(connect: Connect) -> None:
    assert exchange(connect, GET.replace(b"/a?b", b"http://o:1/a?b")).endswith(b"/a b o:1")
    assert exchange(connect, GET).endswith(b"/a b h")


@pytest.mark.parametrize("version", [b"0.9", b"2.0", b"3.0"])
def test_other_versions(connect: Connect, version: bytes) -> None:
    assert exchange(connect, GET.replace(b"HTTP/1.1", b"HTTP/" + version)).startswith(b"HTTP/1.1 505 ")


def test_the_preface_of_http_2_and_a_line_of_http_0_9(connect: Connect) -> None:
    assert exchange(connect, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").startswith(b"HTTP/1.1 505 ")
    assert exchange(connect, b"GET /\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_empty_lines_before_and_behind(connect: Connect) -> None:
    assert exchange(connect, b"\r\n\r\n" + GET).endswith(b"/a b h")
    post = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
    assert exchange(connect, post + b"\r\n", GET).count(b"HTTP/1.1 200") == 2
    closing = post.replace(b"Host", b"Connection: close\r\nHost")
    assert exchange(connect, closing, b"\r\n").count(b"HTTP/1.1 200") == 1
    assert b"400" not in exchange(connect, closing + b"\r\n")


def test_a_head_in_pieces_is_one_request(connect: Connect) -> None:
    assert exchange(connect, GET[:20], GET[20:40], GET[40:]).count(b"HTTP/1.1 ") == 1


def test_pipelined_requests_are_answered_in_turn(connect: Connect) -> None:
    keep = GET.replace(b"Connection: close\r\n", b"")
    answer = exchange(connect, keep.replace(b"/a", b"/1") + keep.replace(b"/a", b"/2") + GET)
    assert [part.rpartition(b"\r\n")[2][:2] for part in answer.split(b"HTTP/1.1 200")[1:]] == [b"/1", b"/2", b"/a"]


def test_a_bad_request_behind_a_good_one_comes_second(connect: Connect) -> None:
    answer = exchange(connect, GET.replace(b"Connection: close\r\n", b"") + b"NONSENSE\r\n\r\n")
    assert answer.index(b"/a b h") < answer.index(b"HTTP/1.1 400")


def after_half_close(port: int, tls: ssl.SSLContext | None, request: bytes) -> bytes:
    """What comes back to a client that closes its half right behind its request; without TLS by the end of TCP's."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
        if tls is None:
            raw.sendall(request)
            raw.shutdown(socket.SHUT_WR)
            return read_all(raw)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = tls.wrap_bio(incoming, outgoing, server_hostname="localhost")

        def step(work: Callable[[], Any]) -> Any:
            while True:
                with contextlib.suppress(ssl.SSLWantReadError):
                    return work()
                raw.sendall(outgoing.read())
                if work == client.unwrap:
                    return None
                received = raw.recv(65536)
                if not received:
                    return b""
                incoming.write(received)

        step(client.do_handshake)
        client.write(request)
        step(client.unwrap)  # sends the request and close_notify
        answer = b""
        with contextlib.suppress(ssl.SSLZeroReturnError):  # both have said that they are at their end
            while piece := step(client.read):
                answer += piece
        return answer


@pytest.fixture(params=["plain", "tls"])
def half(request: pytest.FixtureRequest, material: Material) -> Iterator[Half]:
    tls = request.param == "tls"
    context = server_ssl_context(material.server_cert, material.server_key, [material.ca_der]) if tls else None
    client = material.client_context("client") if tls else None
    with HttpServer(Slow(), "127.0.0.1", 0, ssl_context=context, limits=LIMITS).in_thread() as port:
        yield lambda octets: after_half_close(port, client, octets)


def test_a_client_that_has_closed_its_half_gets_its_answers(half: Half) -> None:
    assert half(GET).count(b"/a b h") == 1
    assert half(GET.replace(b"Connection: close\r\n", b"") * 2).count(b"/a b h") == 2
    assert half(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello").count(b"\r\n\r\n5 ") == 1


def test_a_client_that_has_closed_its_half_too_early_is_not_waited_for(half: Half) -> None:
    before = time.monotonic()
    assert half(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\n\r\nhello") == b""
    assert half(GET[:-2]) == b""
    assert half(b"") == b""
    assert time.monotonic() - before < LIMITS.header_timeout


def test_ten_megabytes_octet_by_octet_hold_nobody(connect: Connect) -> None:
    client = connect()
    head = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b"1\r\na\r\n" * 100_000
    with contextlib.suppress(OSError):
        client.sendall(head)
        for _ in range(100):
            client.sendall(chunks)
    with contextlib.suppress(OSError):
        assert client.recv(100).startswith(b"HTTP/1.1 400 ")
    assert exchange(connect, GET).endswith(b"/a b h")


def test_small_chunks_are_read(connect: Connect) -> None:
    body = b"8\r\n12345678\r\n" * 50_000 + b"0\r\n\r\n"
    head = b"POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert b"400000 " in exchange(connect, head + body)
