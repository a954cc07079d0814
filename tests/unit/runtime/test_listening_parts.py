"""The parts that bound a listener, each for itself."""

from __future__ import annotations

import resource
import subprocess
import sys

from structlog.testing import capture_logs

from runtime.listening.memory import Trimmer
from runtime.listening.tally import Tally


def test_an_event_is_told_at_once_and_then_once_a_minute() -> None:
    tally = Tally()
    with capture_logs() as logs:
        for second in range(125):
            for _ in range(1000):
                tally.count("connection ended to make room")
            tally.tell(float(second))
    assert [line["count"] for line in logs] == [1000, 60_000, 60_000]


def test_what_no_longer_happens_is_no_longer_told() -> None:
    tally = Tally()
    with capture_logs() as logs:
        tally.count("a")
        tally.tell(0.0)
        tally.tell(100.0)
        tally.count("b")
        tally.tell(101.0)
    assert [(line["event"], line["count"]) for line in logs] == [("a", 1), ("b", 1)]


def test_what_was_counted_last_is_told_at_the_end() -> None:
    tally = Tally()
    with capture_logs() as logs:
        tally.count("a")
        tally.tell(0.0)
        tally.count("a")
        tally.count("b")
        tally.tell_rest()
        tally.tell_rest()
    assert [(line["event"], line["count"]) for line in logs] == [("a", 1), ("a", 1), ("b", 1)]


def test_memory_is_given_back_once_many_have_gone() -> None:
    trims: list[int] = []
    trimmer = Trimmer(trims.append)
    for second, connections in enumerate([10, 90, 10, 500, 400, 300, 240, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]):
        trimmer.look(connections, float(second))
    assert trims == [0, 0]  # at 240, and ten seconds later for the rest


CHILD = """
import resource
from runtime.listening.limits import Limits, reachable
limits = reachable(Limits(max_connections=4000, max_handshakes=500))
print(limits.max_connections, limits.max_handshakes, *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def reached(soft: int, hard: int) -> tuple[list[int], str]:
    """What a process with these limits of descriptors comes to, and what it logs."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)),
        capture_output=True,
        text=True,
        check=True,
    )
    *logged, numbers = done.stdout.splitlines()
    return [int(number) for number in numbers.split()], "\n".join(logged)


def test_descriptors_are_raised_to_what_the_system_grants() -> None:
    numbers, logged = reached(1024, 8192)
    assert numbers == [4000, 500, 8192, 8192]
    assert logged == ""


def test_what_cannot_be_reached_is_lowered_and_said_once() -> None:
    numbers, logged = reached(256, 600)
    assert numbers == [344, 344, 600, 600]
    assert logged.count("connections limited by descriptors") == 1
    numbers, _ = reached(64, 64)
    assert numbers[:2] == [16, 16]
