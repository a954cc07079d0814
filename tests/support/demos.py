"""The demo as a newcomer starts it: in a process of its own, ended whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

READY = "Ctrl-C"
"""Stands in the line by which the demo says that everything was played and that it goes on."""
_STOP_SECONDS = 60


def start_demo(folder: Path, *options: str, lot: int) -> subprocess.Popen[str]:
    """The verb on its own plateforme in ``folder``, its output in a pipe."""
    return subprocess.Popen(
        [sys.executable, "-m", "commands", "demo", "--lot", str(lot), "--folder", str(folder), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "200"},
    )


def output_until_ready(process: subprocess.Popen[str]) -> str:
    """What the demo said until it had played everything, or until it ended."""
    assert process.stdout is not None
    output = ""
    for line in process.stdout:
        output += line
        if READY in line:
            break
    return output


@contextmanager
def running_demo(folder: Path, *, lot: int) -> Iterator[str]:
    """A plateforme that has played its lot and stays for the length of the block; gives what the demo said."""
    process = start_demo(folder, lot=lot)
    try:
        output = output_until_ready(process)
        assert process.poll() is None, output
        yield output
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=_STOP_SECONDS)
        finally:
            process.kill()  # what it started does not outlive it
