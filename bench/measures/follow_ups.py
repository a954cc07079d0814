"""Following a large lot, beside the front of the same service with nothing behind it.

Both are asked by the same client over as many connections, in turns, and answer as many octets.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.measuring.figures import Book, between
from bench.measuring.window import Meter, Window
from bench.plateforme.http import Client
from bench.plateforme.load import Asker, Load
from bench.plateforme.messages import follow_message
from bench.plateforme.resting import settle
from bench.plateforme.sets import Plateforme
from runtime.probes import tls_answers
from runtime.processes.bound import bound
from runtime.settings.model import CONFIG_VARIABLE
from tests.support.queue_server import free_port

_CONNECTIONS = 8
_START_SECONDS = 60.0


def measure_follow_ups(plateforme: Plateforme, index: int, book: Book, *, seconds: float, rounds: int) -> None:
    """Enter follow_up_per_s, follow_up_ratio and the CPU of both halves for a call."""
    settle()
    message = follow_message(index)
    with plateforme.wire() as wire:
        answer = wire.call(message)
    with _bare_front(plateforme, answer) as front, Asker(_CONNECTIONS) as asker:
        found = between(
            rounds,
            lambda _rank: _window(asker, plateforme.client, message, seconds),
            floor=lambda: _window(asker, front, message, seconds / 2),
        )
    ours, floors, shares = [], [], []
    for (load, window), ((before, _), (after, _)) in found:
        ours.append(load.per_second)
        floors.append((before.per_second + after.per_second) / 2)
        shares.append(window.strangers_share)
    costs = [1e6 * window.cpu.get("ws", 0) / load.calls for (load, window), _ in found]
    book.add_all(
        shares,
        {
            "follow_up_per_s": (ours, 1),
            "bare_front_per_s": (floors, 1),
            "follow_up_ratio": ([own / floor for own, floor in zip(ours, floors, strict=True)], 3),
            "follow_up_cpu_us": (costs, 1),
        },
    )


def _window(asker: Asker, client: Client, message: bytes, seconds: float) -> tuple[Load, Window]:
    meter = Meter()
    load = asker.ask(client, message, seconds)
    return load, meter.read()


@contextmanager
def _bare_front(plateforme: Plateforme, answer: bytes) -> Iterator[Client]:
    """The listener of the web service on another port, with the application of ``bench.floors.front``."""
    port, known = free_port(), plateforme.client
    answer_file = plateforme.settings.data_dir / "answer.xml"
    answer_file.write_bytes(answer)
    command = [sys.executable, "-m", "bench.floors.front", str(plateforme.config), str(port), str(answer_file)]
    environment = {**os.environ, CONFIG_VARIABLE: str(plateforme.config)}
    with (plateforme.settings.data_dir / "front.log").open("wb") as log:
        process = subprocess.Popen(
            bound(command, signum=signal.SIGTERM), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
        )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not tls_answers("localhost", port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the bare front does not start")
            time.sleep(0.05)
        yield Client(f"https://localhost:{port}/ws/lots/1.0", known.pair, known.root)
    finally:
        process.terminate()
        process.wait()
