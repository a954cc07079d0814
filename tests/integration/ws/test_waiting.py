"""Callers that wait for a lot: one thread listens for all, each is told soon, and nobody who left stays behind."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.ws.conftest import Door
from tests.support.canals import serve_lots
from tests.support.databases import statements
from tests.support.world import World
from tests.unit.ws.messages import body_of, envelope, request
from tests.unit.ws.tls_material import Material
from ws.contract.files import ENDPOINT

MANY = 24
WAITER = "ws-wait"


def ask(index: int, version: str, seconds: int = 30) -> bytes:
    return envelope(
        request(
            "suivreLot",
            f"<l:indexLot>{index}</l:indexLot><l:versionConnue>{version}</l:versionConnue><l:attente>{seconds}</l:attente>",
        )
    )


def version_of(answer: bytes) -> str:
    return body_of(answer).findtext(".//{*}version") or ""


def version_now(door: Door, index: int) -> str:
    return version_of(door.post(envelope(request("suivreLot", f"<l:indexLot>{index}</l:indexLot>")))[1])


def listeners() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == WAITER]


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Waiting:
    """Calls that wait, each on a connection of its own; ``ended`` has the moment and the answer of each."""

    def __init__(self, door: Door, message: bytes, count: int, name: str = "dr-leroux") -> None:
        self.ended: list[tuple[float, bytes]] = []
        self._door, self._message, self._name = door, message, name
        door.pair(name)
        self._threads = [threading.Thread(target=self._call) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def _call(self) -> None:
        _, content = self._door.post(self._message, self._name)
        self.ended.append((time.monotonic(), content))

    def join(self) -> None:
        for thread in self._threads:
            thread.join(60)


@pytest.mark.long
def test_many_wait_on_one_thread_and_are_told_within_a_second(door: Door) -> None:
    world = door.world
    moving, still = (
        world.with_policy(at_once=20).deposit(*world.forms(2, first_key), reference=f"lot-{first_key}").index
        for first_key in (0, 2)
    )
    known = version_now(door, moving)
    others = Waiting(door, ask(still, version_now(door, still), seconds=5), 2)
    waiting = Waiting(door, ask(moving, known), MANY)
    wait_until(lambda: len(listeners()) == 1)
    time.sleep(1)
    assert waiting.ended == []
    assert len(listeners()) == 1
    # So many wait, and whoever only asks is served all the same.
    assert version_now(door, moving) == known
    changed = time.monotonic()
    world.ra.lots.cancel(world.origin(), moving)
    waiting.join()
    moments, answers = zip(*waiting.ended, strict=True)
    assert {version_of(answer) for answer in answers} == {version_now(door, moving)} != {known}
    assert min(moments) - changed < 1
    assert max(moments) - changed < 5  # all of them are answered by one process
    assert others.ended == []
    others.join()


def looks(sent: list[str]) -> list[int]:
    """For how many lots each look of the listener was."""
    asked = (re.search(r"lot_compte\.id_lot IN \((.*?)\)(?:$| )", statement.replace("\n", " ")) for statement in sent)
    return [found[1].count(",") + 1 for found in asked if found]


@pytest.mark.long
def test_a_commit_costs_one_question_for_all_lots_that_are_waited_for(door: Door) -> None:
    world = door.world
    indexes = [
        world.with_policy(at_once=20).deposit(*world.forms(1, key), reference=f"lot-{key}").index for key in range(3)
    ]
    waits = [Waiting(door, ask(index, version_now(door, index), seconds=3), 4) for index in indexes]
    time.sleep(2)
    with statements(world.db.engine) as sent:
        world.ra.lots.cancel(world.origin(), indexes[0])
        waits[0].join()
    assert 1 <= looks(sent).count(3) <= 3
    for wait in waits:
        wait.join()


@pytest.mark.long
def test_a_client_that_leaves_leaves_nothing_behind(door: Door) -> None:
    world = door.world
    first, second = (
        world.with_policy(at_once=20).deposit(*world.forms(1, key), reference=f"lot-{key}").index for key in range(2)
    )
    message = ask(first, version_now(door, first))
    head = (
        f"POST {ENDPOINT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n"
        f"Content-Length: {len(message)}\r\n\r\n"
    )
    with statements(world.db.engine) as sent, contextlib.ExitStack() as stack:
        for _ in range(3):
            plain = socket.create_connection(("localhost", door.port))
            client = stack.enter_context(door.context("dr-leroux").wrap_socket(plain, server_hostname="localhost"))
            client.sendall(head.encode() + message)
        # Three calls asked for the mark of their lot, and the listener for that of all.
        wait_until(lambda: len(looks(sent)) > 3)
    time.sleep(1)
    with statements(world.db.engine) as sent:
        world.ra.lots.cancel(world.origin(), second)
        time.sleep(3)
    assert looks(sent) == []


def test_a_lot_that_changed_before_the_wait_is_told_at_once(door: Door) -> None:
    world = door.world
    index = world.with_policy(at_once=20).deposit(*world.forms(1), reference="lot").index
    known = version_now(door, index)
    world.ra.lots.cancel(world.origin(), index)
    started = time.monotonic()
    _, content = door.post(ask(index, known))
    assert version_of(content) != known
    assert time.monotonic() - started < 5


def test_the_end_of_the_server_ends_the_waits(world: World, tmp_path: Path, server_material: Material) -> None:
    index = world.with_policy(at_once=20).deposit(*world.forms(1), reference="lot").index
    with serve_lots(world, server_material.server_cert, server_material.server_key) as port:
        door = Door(port, world, tmp_path, server_material.ca_file)
        known = version_now(door, index)
        waiting = Waiting(door, ask(index, known), 3)
        time.sleep(1)
    waiting.join()
    assert [version_of(answer) for _, answer in waiting.ended] == [known] * 3
    wait_until(lambda: listeners() == [])
