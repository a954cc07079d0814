"""More connections than there is room for, silent or never at the end of their handshake: the next client is served."""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from runtime.listening.house import House, Stage
from runtime.listening.server import HttpServer, Limits, server_ssl_context
from tests.unit.ws.test_http_server import GET, Echo, exchange, read_all, tls_exchange
from tests.unit.ws.tls_material import Material

HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"  # the beginning of a ClientHello
PATIENT: dict[str, Any] = {"header_timeout": 60, "handshake_timeout": 60, "graceful_stop": 1}


class Hall:
    """A listener, and who floods it."""

    def __init__(self, server: HttpServer, port: int, ask: Callable[[], bytes]) -> None:
        self.server, self.port, self.ask = server, port, ask
        self.clients: list[socket.socket] = []

    @property
    def house(self) -> House:
        return self.server._server._protocol.house

    def flood(self, count: int, first: bytes = b"") -> list[socket.socket]:
        found = [socket.create_connection(("127.0.0.1", self.port), timeout=10) for _ in range(count)]
        self.clients += found
        for client in found:
            with contextlib.suppress(ConnectionError):
                client.sendall(first)
        return found

    def ended(self, clients: list[socket.socket]) -> list[bool]:
        """Which of them the server has closed, once it has had time to."""
        time.sleep(0.3)
        readable = set(select.select(clients, [], [], 0)[0])
        return [client in readable for client in clients]


@contextlib.contextmanager
def hall(material: Material, *, tls: bool, **limits: float) -> Iterator[Hall]:
    context = server_ssl_context(material.server_cert, material.server_key, [material.ca_der]) if tls else None
    server = HttpServer(Echo(), "127.0.0.1", 0, ssl_context=context, limits=Limits(**(PATIENT | limits)))
    with server.in_thread() as port:
        client = material.client_context("client")
        made = Hall(server, port, lambda: tls_exchange(port, client) if tls else exchange(port, GET))
        made.ask()
        yield made
        for each in made.clients:
            each.close()


@pytest.mark.parametrize("tls", [True, False])
@pytest.mark.parametrize("first", [b"", HELLO, b"GET / HTTP/1.1\r\nHo"])
def test_a_flood_leaves_room_for_the_next(material: Material, tls: bool, first: bytes) -> None:
    with capture_logs() as logs, hall(material, tls=tls, max_connections=50, max_handshakes=30) as place:
        for _ in range(4):
            place.flood(100, first)
            assert b"HTTP/1.1 200" in place.ask()
            assert len(place.house) <= 50
            assert len(place.house.guests(Stage.ARRIVING)) <= 30
    assert len(logs) < 10  # counted, not told one by one


def test_the_oldest_handshakes_give_way_first(material: Material) -> None:
    with hall(material, tls=True, max_handshakes=20) as place:
        before = place.flood(20, HELLO)
        assert not any(place.ended(before))
        place.flood(5, HELLO)
        assert place.ended(before) == [True] * 5 + [False] * 15


def test_who_has_asked_before_outlasts_who_never_did(material: Material) -> None:
    with hall(material, tls=False, max_connections=20) as place:
        (known,) = place.flood(1, GET.replace(b"Connection: close\r\n", b""))
        time.sleep(0.2)
        assert known.recv(1000).endswith(b"0 none")
        place.flood(100)
        known.sendall(GET)
        assert read_all(known).endswith(b"0 none")


def test_bodies_that_do_not_end_give_way_last_and_who_is_served_never(material: Material) -> None:
    with hall(material, tls=False, max_connections=20) as place:
        bodies = place.flood(20, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx")
        time.sleep(0.3)
        assert len(place.house.guests(Stage.RECEIVING)) == 20
        assert b"HTTP/1.1 200" in place.ask()
        assert place.ended(bodies)[:2] == [True, False]


def test_a_house_full_of_idle_clients_lets_the_next_in(material: Material) -> None:
    with hall(material, tls=False, max_connections=20) as place:
        idle = place.flood(20, GET.replace(b"Connection: close\r\n", b""))
        time.sleep(0.3)
        assert len(place.house.guests(Stage.IDLE)) == 20
        (newcomer,) = place.flood(1)
        time.sleep(0.3)
        newcomer.sendall(GET)
        assert read_all(newcomer).endswith(b"0 none")
        assert all(client.recv(1000) for client in idle)
        assert place.ended(idle) == [True] + [False] * 19


def test_handshakes_end_in_time(material: Material) -> None:
    with hall(material, tls=True, handshake_timeout=0.5) as place:
        clients = place.flood(20, HELLO)
        time.sleep(1)
        assert all(place.ended(clients))
        assert len(place.house) == 0


def test_a_failed_handshake_is_not_kept_for_the_time_of_one(material: Material) -> None:
    with hall(material, tls=True) as place:
        clients = place.flood(5, b"\x16\x03\x01\x00\x05hello")
        time.sleep(1.5)
        assert len(place.house) == 0
        assert all(client.recv(100) for client in clients)  # the alert


def test_all_at_work_refuses_the_next(material: Material) -> None:
    class Waiting(Echo):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                await receive()
                await receive()  # until the client has gone
            else:
                await super().__call__(scope, receive, send)

    server = HttpServer(Waiting(), "127.0.0.1", 0, limits=Limits(max_connections=5, graceful_stop=1))
    with server.in_thread() as port, contextlib.ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(socket.create_connection(("127.0.0.1", port))).sendall(GET)
        time.sleep(0.3)
        assert exchange(port, b"") == b""
        assert len(server._server._protocol.house.guests(Stage.BUSY)) == 5


class Poor(socket.socket):
    """A listening socket of a system that has no descriptor left, for a while."""

    failures = 5

    def accept(self) -> tuple[socket.socket, Any]:
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


def test_without_descriptors_the_server_waits_and_says_so_once() -> None:
    server = HttpServer(Echo(), "127.0.0.1", 0, limits=Limits(graceful_stop=1))
    listener = Poor()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    server.__dict__["_socket"] = listener
    with capture_logs() as logs, server.in_thread() as port:
        assert exchange(port, GET).endswith(b"0 none")
    assert listener.failures == 0
    # Once while it serves, and what came after that when it ends.
    lines = [line for line in logs if "descriptor" in line["event"]]
    assert 1 <= len(lines) <= 2
    assert all(line["count"] >= 1 for line in lines)
