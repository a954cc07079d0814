"""The largest lot through the portal, in a process of its own: memory bounded, pages answered meanwhile, one lot."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen

import pytest
import requests
from rich.console import Console
from sqlalchemy import delete

from bench.corpus import load_csrs
from registration.lots.preparing import TOLD
from storage import tables
from tests.integration.portal.lot_files import item, lot
from tests.integration.portal.test_lot_depot import upload
from tests.integration.portal.test_lots import get, post, text_of, token_of
from tests.integration.portal.world import PortalWorld
from tests.support.assertions import the

pytestmark = pytest.mark.long

_ROOT = Path(__file__).parents[3]
ITEMS, KEYS = 10_000, 1_000
PEAK_MB = 320


class Elsewhere:
    """The same plateforme behind another port."""

    def __init__(self, world: PortalWorld, port: int) -> None:
        self.url = f"https://localhost:{port}"
        self._world = world

    def session(self, name: str) -> requests.Session:
        return self._world.session(name)


@pytest.fixture
def process(world: PortalWorld) -> Iterator[tuple[Popen[str], Elsewhere]]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.integration.portal.serve_portal", str(world.here.settings.data_dir)],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            lines = the(running.stdout)
            port = next(int(line) for line in lines if line.strip().isdigit())
            yield running, Elsewhere(world, port)
        finally:
            running.terminate()


def peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(the(re.search(r"VmHWM:\s+(\d+) kB", status)).group(1)) / 1024


def large_file(folder: Path) -> bytes:
    """Ten thousand items as large as a hospital would send them; a key stands in ten of them, one is good."""
    csrs = [base64.b64encode(csr).decode() for csr in load_csrs(folder / "csr.bin", KEYS, Console(quiet=True))]
    items = (item(csrs[rank % KEYS], f"Poste de travail {rank:05d}", f"poste-{rank:05d}") for rank in range(ITEMS))
    return lot("dix-mille", items).encode()


def test_ten_thousand_items_are_read_checked_and_deposited(
    process: tuple[Popen[str], Elsewhere], world: PortalWorld, tmp_path: Path
) -> None:
    running, there = process
    session = there.session("dr-leroux")
    content = large_file(tmp_path)
    assert len(content) > 9 * 2**20
    get(session, there, "/lots")
    begun, slowest, stop = time.monotonic(), [0.0], threading.Event()

    def look() -> None:
        """Another person's pages, meanwhile."""
        other = there.session("ph-arnaud")
        while not stop.wait(0.2):
            before = time.monotonic()
            assert other.get(f"{there.url}/lots").status_code == 200
            slowest[0] = max(slowest[0], time.monotonic() - before)

    looking = threading.Thread(target=look)
    looking.start()
    sent = upload(session, there, content)
    assert sent.status_code == 303, sent.text
    read = time.monotonic()
    address, steps = sent.headers["Location"], set[str]()
    while "Refresh" in (page := get(session, there, address)).headers:
        steps.add(the(re.search(r'<progress[^>]*value="(\d+)"', page.text)).group(1))
        time.sleep(0.3)
    checked = time.monotonic()
    assert len(steps) > 2, "its progress is seen"
    assert re.search(r"1.000 acceptés, 9.000 refusés", text_of(page)), text_of(page)
    assert page.text.count('<th scope="row"') == TOLD
    done = post(session, there, address, csrf_token=token_of(page), action="deposer")
    assert done.status_code == 303
    deposited = time.monotonic()
    stop.set()
    looking.join()
    figures = {
        "read": read - begun,
        "check": checked - read,
        "deposit": deposited - checked,
        "slowest page": slowest[0],
        "peak MB": peak_mb(running.pid),
    }
    print({name: round(value, 1) for name, value in figures.items()}, len(content))
    index = int(done.headers["Location"].split("/")[2].partition("?")[0])
    assert world.ra.lots.follow(world.acteurs["dr-leroux"], index=index).nombre == ITEMS
    again = upload(session, there, content)
    assert again.headers["Location"] == f"/lots/{index}?depose=deja"
    assert peak_mb(running.pid) < PEAK_MB
    with world.db.write() as rows:  # the batch of other tests need not sign them
        for table in (tables.Outbox, tables.LotPage):
            rows.execute(delete(table).where(table.id_lot == index))
