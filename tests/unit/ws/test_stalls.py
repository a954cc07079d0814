"""Clients that stall, by hundreds: the next client is answered while all of them are still open."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
from collections.abc import Sequence
from contextlib import ExitStack

import pytest

from registration.errors import Code
from tests.unit.ws.conftest import Canal
from tests.unit.ws.messages import big_lot, body_of, envelope, fault_of, item, lot, request
from ws.contract.files import ENDPOINT

MANY = 200
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"  # the beginning of a ClientHello
HEAD = f"POST {ENDPOINT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n".encode()


def silent(canal: Canal, stack: ExitStack) -> socket.socket:
    return stack.enter_context(socket.create_connection(("127.0.0.1", canal.port), timeout=30))


def in_handshake(canal: Canal, stack: ExitStack) -> socket.socket:
    client = silent(canal, stack)
    client.sendall(HELLO)
    return client


def after_handshake(canal: Canal, stack: ExitStack, context: ssl.SSLContext) -> ssl.SSLSocket:
    raw = stack.enter_context(socket.create_connection(("127.0.0.1", canal.port), timeout=30))
    return stack.enter_context(context.wrap_socket(raw, server_hostname="localhost"))


def open_stalled(canal: Canal, stack: ExitStack, kind: str) -> Sequence[socket.socket]:
    if kind == "silent":
        return [silent(canal, stack) for _ in range(MANY)]
    if kind == "handshake":
        return [in_handshake(canal, stack) for _ in range(MANY)]
    context = canal.material.client_context("other" if kind == "big body" else "client")
    # A full handshake each: fewer of them prove the same.
    clients = [after_handshake(canal, stack, context) for _ in range(3 if kind == "big body" else 60)]
    for client in clients:
        if kind == "header":
            client.sendall(HEAD)
        elif kind == "body":
            client.sendall(HEAD + b"Content-Length: 5000\r\n\r\n<s:Envelope ")
        elif kind == "big body":
            client.sendall(HEAD + b"Content-Length: 30000000\r\n\r\n" + b" " * 200_000)
    return clients


@pytest.mark.parametrize("kind", ["silent", "handshake", "idle", "header", "body", "big body"])
def test_the_next_client_is_served_while_they_stall(canal: Canal, kind: str) -> None:
    with contextlib.ExitStack() as stack:
        stalled = open_stalled(canal, stack, kind)
        for message in (envelope(request("consulterService")), envelope(lot(item(1))), big_lot(500)):
            status, content = canal.post(message)
            assert status == 200
            body_of(content)
        assert select.select(stalled, [], [], 0)[0] == []  # nobody was answered or dropped: all of them still wait


def test_one_acteur_cannot_take_all_the_places_of_big_bodies(canal: Canal) -> None:
    with contextlib.ExitStack() as stack:
        context = canal.material.client_context("other")
        for _ in range(4):
            client = after_handshake(canal, stack, context)
            client.sendall(HEAD + b"Content-Length: 30000000\r\n\r\n" + b" " * 200_000)
        # Four under way are his share; the fifth is told to come back. They are counted once their sender is known.
        told = None
        while told is None:
            status, content = canal.post(big_lot(500, "autre"), name="other")
            told = fault_of(content) if status != 200 else None
        assert (told["code"], told["fault"], told["side"]) == (Code.BUSY.value, "erreurTechnique", "Server")
        assert canal.post(big_lot(500))[0] == 200


def test_a_client_that_hangs_up_leaves_nothing(canal: Canal) -> None:
    for _ in range(6):
        with contextlib.ExitStack() as stack:
            client = after_handshake(canal, stack, canal.material.client_context("client"))
            client.sendall(HEAD + b"Content-Length: 30000000\r\n\r\n" + b" " * 200_000)
    # Six is above the share of one acteur: their places were given back.
    status = None
    while status != 200:
        status, _ = canal.post(big_lot(500))
