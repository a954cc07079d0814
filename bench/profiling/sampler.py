"""Samples of a process, taken by itself: every few milliseconds of its CPU, where it stands in our code.

Why samples. Counters around named functions cost two reads of a clock a call, and hundreds of calls go to a
certificate; a tracing profiler (``sys.setprofile``) doubles the cost of Python and leaves that of OpenSSL alone, so
that its shares are wrong. A timer of CPU time (SIGPROF) costs one look at the stack in 4 ms, some thousandths of it,
and stages get their names afterwards, so that no function has to be wrapped. Each sample weighs the CPU time since the
last one, so that they sum to that of the process however late a signal comes. Python sees a signal between two of its
instructions: what a call into C has used falls on the line of ours that called it, which is what a stage is.

Workers have one thread, where signals are handled; the other processes are known by their sums alone.
"""

from __future__ import annotations

import atexit
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

FOLDER, INTERVAL = "BENCH_SAMPLES", "BENCH_SAMPLES_SECONDS"
_ROOT = f"{Path(__file__).parents[2]}{os.sep}"
_FOREIGN = f"{os.sep}lib{os.sep}python"
_names: dict[object, str] = {}


def begin() -> None:
    """Take samples from now on, one a line: monotonic ns, µs of CPU, then our functions, the innermost first."""
    path = Path(os.environ[FOLDER]) / f"{os.getpid()}.samples"
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    last = time.process_time()

    def note(_number: int, frame: FrameType | None) -> None:
        nonlocal last
        now = time.process_time()
        line = f"{time.monotonic_ns()} {1e6 * (now - last):.0f} {' '.join(_ours(frame))}\n"
        os.write(file, line.encode())
        last = now

    seconds = float(os.environ[INTERVAL])
    signal.signal(signal.SIGPROF, note)
    signal.setitimer(signal.ITIMER_PROF, seconds, seconds)
    # An interpreter that ends forgets its handlers, and the signal would then end the process.
    atexit.register(signal.setitimer, signal.ITIMER_PROF, 0)


def _ours(frame: FrameType | None) -> Iterator[str]:
    """``folder/module.py:function`` of each frame of ours, and of no library."""
    while frame is not None:
        name = _names.get(frame.f_code)
        if name is None:
            name = _names[frame.f_code] = _name(frame.f_code.co_filename, frame.f_code.co_qualname)
        if name:
            yield name
        frame = frame.f_back


def _name(file: str, function: str) -> str:
    if not file.startswith(_ROOT) or _FOREIGN in file:
        return ""
    return f"{file.removeprefix(_ROOT)}:{function}".replace(" ", "")
