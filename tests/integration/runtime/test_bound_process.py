"""A bound child ends when its parent does, however that happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.processes.bound import bound
from tests.support.processes import is_running, wait_until

_PARENT = """
import signal, subprocess, sys
from runtime.processes.bound import bound
child = subprocess.Popen(bound(["sleep", "600"], signum=signal.Signals(int(sys.argv[1]))), start_new_session=True)
print(child.pid, flush=True)
signal.pause()
"""
_FORKING_CHILD = """
import os, time
from runtime.processes.bound import die_with_parent
parent = os.getpid()
pid = os.fork()
if pid == 0:
    os.setsid()
    die_with_parent(parent=parent)
    time.sleep(600)
print(pid, flush=True)
os.wait()
"""


def _start(code: str, *arguments: str) -> tuple[subprocess.Popen[str], int]:
    parent = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    return parent, int(parent.stdout.readline())


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_a_bound_child_dies_with_its_killed_parent(signum: signal.Signals) -> None:
    parent, child = _start(_PARENT, str(int(signum)))
    with parent:
        assert is_running(child)
        parent.kill()
        wait_until(lambda: not is_running(child), what="the end of the child")


def test_a_forked_child_can_bind_itself() -> None:
    parent, child = _start(_FORKING_CHILD)
    with parent:
        assert is_running(child)
        parent.kill()
        wait_until(lambda: not is_running(child), what="the end of the child")


def test_a_child_whose_parent_is_gone_already_does_not_start(tmp_path: Path) -> None:
    trace = tmp_path / "started"
    command = bound(["touch", str(trace)])
    # As if the parent had died between fork and prctl: the pid in the command line is not that of the real parent.
    command[command.index(str(os.getpid()))] = "1"
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert not trace.exists()


def test_the_command_keeps_arguments_environment_and_status() -> None:
    script = "import os, sys; print(sys.argv[1], os.environ['LANGUE']); sys.exit(7)"
    done = subprocess.run(
        bound([sys.executable, "-c", script, "a b'c"]),
        env={**os.environ, "LANGUE": "fr"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("a b'c fr\n", 7)
