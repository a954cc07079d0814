"""The canal as a process of its own: memory with the largest lots, and the way it stops."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen

import pytest

from tests.integration.ws.conftest import Door
from tests.support.assertions import the
from tests.support.hierarchies import Hierarchy
from tests.support.world import World
from tests.unit.ws.messages import big_lot, body_of, envelope, fault_of, item, lot, request
from tests.unit.ws.tls_material import Material

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[3]
PEAK_MB = 200


@pytest.fixture
def process(
    world: World, database_url: str, hierarchy: Hierarchy, server_material: Material, tmp_path: Path
) -> Iterator[tuple[Popen[str], Door]]:
    """The process and a door to it."""
    arguments = [database_url, str(hierarchy.authorities_dir), *map(str, server_material.path("server"))]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.integration.ws.serve_canal", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            port = int(the(running.stdout).readline())
            yield running, Door(port, world, tmp_path, server_material.ca_file)
        finally:
            running.terminate()


def peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(the(re.search(r"VmHWM:\s+(\d+) kB", status)).group(1)) / 1024


def test_the_largest_lots_stay_within_memory(process: tuple[Popen[str], Door]) -> None:
    running, door = process
    one = big_lot(10_000)
    for reference in ("a", "b", "c"):
        message = one.replace(b"<l:reference>grand<", f"<l:reference>{reference}<".encode())
        status, content = door.post(message)
        assert (status, body_of(content).findtext(".//{*}nombre")) == (200, "10000")
    too_many = one.replace(b"</l:lot>", item(10_001).encode() + b"</l:lot>")
    assert fault_of(door.post(too_many)[1])["code"] == "ERR_WS_011"
    assert peak_mb(running.pid) < PEAK_MB


def test_a_stop_finishes_what_is_under_way(process: tuple[Popen[str], Door]) -> None:
    running, door = process
    door.post(envelope(lot(item(1))))
    follow = body_of(door.post(envelope(request("suivreLot", "<l:indexLot>1</l:indexLot>")))[1])
    version = follow.findtext(".//{*}version")
    ask = f"<l:indexLot>1</l:indexLot><l:versionConnue>{version}</l:versionConnue><l:attente>30</l:attente>"
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(door.post(envelope(request("suivreLot", ask)))))
    idle = door.connect()
    idle.connect()
    waiting.start()
    waiting.join(1)
    assert answers == []  # it waits
    running.terminate()
    waiting.join()
    idle.close()
    assert answers[0][0] == 200
    assert body_of(answers[0][1]).findtext(".//{*}version") == version
    assert (running.wait(), the(running.stdout).read().splitlines()[-1]) == (0, "stopped")
