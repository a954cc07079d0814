"""Children are kept alive, told about when they die, and all gone at the end, whatever the end was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from runtime.processes.bound import bound
from runtime.processes.embedded_queue import EmbeddedQueue
from runtime.processes.supervisor import Child, Supervisor, SupervisorError
from tests.support.processes import is_running, wait_until

_SLEEP = ("sleep", "600")
_STUBBORN = (sys.executable, "-c", "import signal,time; signal.signal(15, signal.SIG_IGN); print(1); time.sleep(600)")
# Leaves a grandchild behind in a process group of its own, as RQ's work-horse is.
_FORKING_CODE = """
import os, sys, time
if (pid := os.fork()) == 0:
    os.setpgrp()
    time.sleep(600)
with open(sys.argv[1] + ".new", "w") as file:
    file.write(str(pid))
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(600)
"""
_FORKING = (sys.executable, "-c", _FORKING_CODE)
_PROGRAM = """
import sys
from runtime import logs
from runtime.processes.supervisor import Child, Supervisor

def tell_pids():
    print(*supervisor.pids().values(), flush=True)
    return True

logs.configure("WARNING", process="supervisor")
names = ("a", "b", "c")
supervisor = Supervisor(
    [Child(name=name, argv=("sleep", "600"), ready=tell_pids if name == "c" else lambda: True) for name in names]
)
supervisor.run()
print("ended", flush=True)
"""


@pytest.fixture
def program() -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A process of its own that supervises three children, and their pids."""
    process = subprocess.Popen(bound([sys.executable, "-c", _PROGRAM]), stdout=subprocess.PIPE, text=True)
    with process:
        try:
            assert process.stdout is not None
            pids = [int(pid) for pid in process.stdout.readline().split()]
            assert len(pids) == 3
            assert all(map(is_running, pids))
            yield process, pids
        finally:
            process.kill()


def _sleepers(*names: str) -> list[Child]:
    return [Child(name=name, argv=_SLEEP) for name in names]


def test_children_start_in_order_and_each_waits_for_the_one_before() -> None:
    seen: list[tuple[str, set[str]]] = []
    supervisor: Supervisor

    def probe(name: str) -> Callable[[], bool]:
        def ready() -> bool:
            seen.append((name, set(supervisor.pids())))
            return sum(1 for who, _ in seen if who == name) == 3

        return ready

    supervisor = Supervisor([Child(name=name, argv=_SLEEP, ready=probe(name)) for name in ("a", "b")])
    with supervisor:
        assert seen == [("a", {"a"})] * 3 + [("b", {"a", "b"})] * 3
        pids = supervisor.pids()
    assert not any(is_running(pid) for pid in pids.values())
    assert supervisor.pids() == {}


def test_a_killed_child_comes_back_at_once_and_its_death_is_told() -> None:
    deaths: list[tuple[str, int]] = []
    with Supervisor(_sleepers("a", "b"), on_death=lambda name, pid: deaths.append((name, pid))) as supervisor:
        first = supervisor.pids()
        os.kill(first["b"], signal.SIGKILL)
        wait_until(lambda: supervisor.pids().get("b", first["b"]) != first["b"], what="the restart")
        assert deaths == [("b", first["b"])]
        assert supervisor.pids()["a"] == first["a"]
    assert deaths == [("b", first["b"])], "an ordered end is not a death"


def test_a_callback_that_fails_stops_no_restart() -> None:
    def fail(_name: str, _pid: int) -> None:
        raise RuntimeError("no")

    with Supervisor(_sleepers("a"), on_death=fail) as supervisor:
        first = supervisor.pids()["a"]
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: supervisor.pids().get("a", first) != first, what="the restart")


def test_a_child_that_keeps_dying_is_restarted_after_growing_pauses() -> None:
    deaths = threading.Semaphore(0)
    failing = Child(name="a", argv=("sh", "-c", "exit 3"))
    with capture_logs() as events:
        supervisor = Supervisor([failing, *_sleepers("b")], on_death=lambda _name, _pid: deaths.release())
        with supervisor:
            for _ in range(4):
                deaths.acquire()
    told = [event for event in events if event["event"] == "process died"][:4]
    assert [event["restart_in_seconds"] for event in told] == [0.0, 0.25, 0.5, 1.0]
    assert {(event["name"], event["status"]) for event in told} == {("a", 3)}


def test_what_a_dead_child_left_in_its_session_is_gone_before_its_death_is_told(tmp_path: Path) -> None:
    trace = tmp_path / "pid"
    running: list[bool] = []

    def on_death(_name: str, _pid: int) -> None:
        grandchild = int(trace.read_text())
        trace.unlink()
        wait_until(lambda: not is_running(grandchild), what="the end of the grandchild")
        running.append(is_running(grandchild))

    child = Child(name="a", argv=(*_FORKING, str(trace)), ready=trace.exists)
    with Supervisor([child], on_death=on_death) as supervisor:
        os.kill(supervisor.pids()["a"], signal.SIGKILL)
        wait_until(lambda: running == [False], what="the death being told")
        wait_until(trace.exists, what="the second life")
        grandchild = int(trace.read_text())
        assert is_running(grandchild)
    wait_until(lambda: not is_running(grandchild), what="the end of the grandchild")


def test_a_child_deaf_to_sigterm_is_killed_after_its_grace() -> None:
    child = Child(name="a", argv=_STUBBORN, grace_seconds=0.2)
    with Supervisor([child]) as supervisor:
        pid = supervisor.pids()["a"]
    assert not is_running(pid)


def test_asked_twice_it_waits_for_no_grace() -> None:
    child = Child(name="a", argv=_STUBBORN, grace_seconds=600)
    supervisor = Supervisor([child])
    supervisor.start()
    pid = supervisor.pids()["a"]
    supervisor.request_stop()
    supervisor.stop()
    assert not is_running(pid)


def test_a_child_that_dies_before_it_is_ready_ends_everything() -> None:
    pids: dict[str, int] = {}
    supervisor: Supervisor

    def never() -> bool:
        pids.update(supervisor.pids())
        return False

    failing = Child(name="b", argv=("sh", "-c", "exit 4"), ready=never)
    supervisor = Supervisor([*_sleepers("a"), failing])
    with pytest.raises(SupervisorError, match=r"b : arrêté \(code 4\)") as caught:
        supervisor.start()
    assert caught.value.name == "b"
    assert not is_running(pids["a"])


def test_a_child_that_is_never_ready_ends_everything() -> None:
    supervisor = Supervisor([Child(name="a", argv=_SLEEP, ready=lambda: False)], ready_seconds=0.2)
    with pytest.raises(SupervisorError, match="pas prêt"):
        supervisor.start()
    assert supervisor.pids() == {}


def test_an_error_while_ending_one_child_leaves_none_behind() -> None:
    def fail(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if event["event"] == "process stopped":
            raise OSError("the log is full")
        return event

    supervisor = Supervisor(_sleepers("a", "b"))
    structlog.configure(processors=[fail, structlog.processors.JSONRenderer()])
    try:
        supervisor.start()
        pids = supervisor.pids()
        with pytest.raises(OSError, match="the log is full"):
            supervisor.stop()
    finally:
        structlog.reset_defaults()
    assert not any(is_running(pid) for pid in pids.values())


def test_a_command_that_does_not_exist_is_an_error() -> None:
    supervisor = Supervisor([Child(name="a", argv=("/nowhere/to/be/found",), ready=lambda: False)])
    with pytest.raises(SupervisorError, match=r"a : arrêté \(code 1\)"):
        supervisor.start()


def test_the_queue_server_runs_under_it_and_restarts_with_its_data_and_its_lock(tmp_path: Path) -> None:
    queue = EmbeddedQueue(tmp_path / "queue")
    child = Child(name="queue", argv=queue.argv(), pass_fds=queue.prepare(), ready=queue.is_ready)
    with Supervisor([child]) as supervisor:
        first = supervisor.pids()["queue"]
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: supervisor.pids().get("queue", first) != first and queue.is_ready(), what="the restart")
    queue.stop()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_run_ends_by_itself_on_a_signal(
    program: tuple[subprocess.Popen[str], list[int]], signum: signal.Signals
) -> None:
    process, pids = program
    process.send_signal(signum)
    assert process.communicate()[0] == "ended\n"
    assert process.returncode == 0
    assert not any(map(is_running, pids))


def test_nothing_outlives_a_killed_supervisor(program: tuple[subprocess.Popen[str], list[int]]) -> None:
    process, pids = program
    process.kill()
    wait_until(lambda: not any(map(is_running, pids)), what="the end of the children")
