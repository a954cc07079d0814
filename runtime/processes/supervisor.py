"""Named child processes kept alive, and ended together. It knows nothing of what they do.

One thread starts, watches and ends them all; every other thread and every signal handler only writes a byte to its
pipe. So there is no state to lock, and the children are bound to a thread that outlives them (see ``bound_process``).
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

import structlog

from runtime.errors import OperatorError
from runtime.processes.accounts import Account
from runtime.processes.bound import bound

log = structlog.get_logger()

_READY_POLL_SECONDS = 0.05
# A child that lived this long is not in a loop of failures: its next restart is immediate again.
_HEALTHY_SECONDS = 10.0
# What was away for hours is back at work within a quarter of a minute.
_BACK_OFF_SECONDS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0)
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class SupervisorError(OperatorError):
    """A child did not become ready; everything that ran was ended again. ``name`` is the child's, the text French."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} : {reason}")
        self.name = name


@dataclass(frozen=True, kw_only=True)
class Child:
    """One process to keep alive. The next one of the list starts when ``ready``, if there is one, says yes.

    With ``account`` it runs under it, which only root can do.
    """

    name: str
    argv: Sequence[str]
    ready: Callable[[], bool] | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    pass_fds: Sequence[int] = ()
    grace_seconds: float = 15.0
    account: Account | None = None


@dataclass(eq=False)
class _Slot:
    child: Child
    process: subprocess.Popen[bytes] | None = None
    pidfd: int = -1
    started: float = 0.0
    failures: int = 0
    restart_at: float | None = None


class Supervisor:
    """Starts the children in order, restarts a dead one at once, ends them in reverse order.

    A child that keeps dying is restarted after growing pauses of up to 30 s. ``on_death(name, pid)`` is called before
    the restart, when nothing of that child's session runs any more; it runs in the supervisor's thread.
    """

    def __init__(
        self,
        children: Sequence[Child],
        *,
        on_death: Callable[[str, int], None] | None = None,
        ready_seconds: float = 60.0,
    ) -> None:
        """Nothing is started yet; ``ready_seconds`` bounds the wait for each child."""
        self._slots = [_Slot(child) for child in children]
        self._on_death = on_death
        self._ready_seconds = ready_seconds
        self._selector = selectors.DefaultSelector()
        # Never closed: a signal may want to write to it at any time, and a process has one supervisor.
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._main, name="supervisor", daemon=True)
        self._settled = threading.Event()
        self._starting: _Slot | None = None
        self._stop_requests = 0
        self._error: BaseException | None = None

    def start(self) -> None:
        """Start every child; returns when all are ready. SupervisorError when one fails before."""
        self._thread.start()
        self._settled.wait()
        if self._error is not None:
            self._finish()

    def request_stop(self) -> None:
        """Begin the end and return at once; asked a second time, nothing waits for a grace any more.

        Only writes to a pipe, so that a signal handler may call it.
        """
        os.write(self._wake_write, b".")

    def stop(self) -> None:
        """End every child; returns when nothing is left. Raises what broke the supervisor, if anything did."""
        self.request_stop()
        self._finish()

    def run(self) -> None:
        """Start, keep alive until SIGTERM, SIGINT or SIGHUP, end. For the main thread of a process of its own."""

        def ask(_signum: int, _frame: FrameType | None) -> None:
            self.request_stop()

        previous = {signum: signal.signal(signum, ask) for signum in _SIGNALS}
        try:
            self.start()
            self._thread.join()
            self._finish()
        finally:
            for signum, handler in previous.items():
                signal.signal(signum, handler)

    def pids(self) -> dict[str, int]:
        """Who runs now, by name; for displays and tests."""
        return {slot.child.name: slot.process.pid for slot in self._slots if slot.process is not None}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()

    def _finish(self) -> None:
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _main(self) -> None:
        try:
            self._start_all()
            self._settled.set()
            while not self._stop_requests:
                self._watch(None)
        except BaseException as error:  # noqa: BLE001 -- handed to whoever called start, stop or run
            self._error = error
        finally:
            self._stop_all()

    def _start_all(self) -> None:
        for slot in self._slots:
            self._starting = slot
            self._spawn(slot)
            if slot.child.ready is not None:
                self._await_ready(slot, slot.child.ready)
            if self._stop_requests:
                return
        self._starting = None

    def _await_ready(self, slot: _Slot, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + self._ready_seconds
        while not ready():
            if time.monotonic() > deadline:
                raise SupervisorError(slot.child.name, f"pas prêt après {self._ready_seconds:g} s")
            self._watch(_READY_POLL_SECONDS)
            if self._stop_requests:
                return
        log.info("process ready", name=slot.child.name)

    def _spawn(self, slot: _Slot) -> None:
        child = slot.child
        slot.process = subprocess.Popen(
            _command(child),
            env={**os.environ, **({} if child.account is None else child.account.env), **child.env},
            pass_fds=child.pass_fds,
            stdin=subprocess.DEVNULL,
            # A session, and with it a process group: a terminal's Ctrl-C reaches only us, and what the child leaves
            # behind can be found.
            start_new_session=True,
        )
        slot.pidfd = os.pidfd_open(slot.process.pid)
        slot.started, slot.restart_at = time.monotonic(), None
        self._selector.register(slot.pidfd, selectors.EVENT_READ, slot)
        log.info("process started", name=child.name, pid=slot.process.pid)

    def _watch(self, seconds: float | None) -> None:
        """Wait for at most ``seconds``; bury who died, start again whose pause is over, count the requests to stop."""
        pauses = [slot.restart_at - time.monotonic() for slot in self._slots if slot.restart_at is not None]
        limits = [max(0.0, pause) for pause in pauses] + ([] if seconds is None else [seconds])
        for key, _events in self._selector.select(min(limits, default=None)):
            if isinstance(key.data, _Slot):
                self._replace(key.data)
            else:
                self._stop_requests += len(os.read(self._wake_read, 64))
        for slot in self._slots:
            if not self._stop_requests and slot.restart_at is not None and slot.restart_at <= time.monotonic():
                self._spawn(slot)

    def _replace(self, slot: _Slot) -> None:
        pid, status = self._bury(slot)
        if slot is self._starting:
            raise SupervisorError(slot.child.name, f"arrêté (code {status}) avant d'être prêt, voir plus haut")
        healthy = time.monotonic() - slot.started >= _HEALTHY_SECONDS
        slot.failures = 0 if healthy else slot.failures + 1
        pause = _BACK_OFF_SECONDS[min(max(slot.failures - 1, 0), len(_BACK_OFF_SECONDS) - 1)]
        log.warning("process died", name=slot.child.name, pid=pid, status=status, restart_in_seconds=pause)
        slot.restart_at = time.monotonic() + pause
        if self._on_death is not None:
            try:
                self._on_death(slot.child.name, pid)
            except Exception:
                # The callback repairs what it can; keeping the processes alive does not depend on it.
                log.exception("process death not handled", name=slot.child.name, pid=pid)

    def _bury(self, slot: _Slot) -> tuple[int, int]:
        """Take a dead child off the list, with all that it left in its session; its pid and exit status."""
        process = slot.process
        if process is None:
            raise ProcessLookupError(slot.child.name)
        # Before the child is reaped: until then nobody else can get its pid, which is the session's number.
        _kill_session(process.pid)
        status = process.wait()
        self._selector.unregister(slot.pidfd)
        os.close(slot.pidfd)
        slot.process = None
        return process.pid, status

    def _stop_all(self) -> None:
        try:
            # Unwinds in reverse order, and to its end whatever happens on the way.
            with ExitStack() as stack:
                for slot in self._slots:
                    stack.callback(self._end, slot)
        except Exception as error:  # noqa: BLE001 -- handed to whoever called start, stop or run
            self._error = self._error or error
        finally:
            self._selector.close()
            self._settled.set()

    def _end(self, slot: _Slot) -> None:
        slot.restart_at = None
        if (process := slot.process) is None:
            return
        process.send_signal(signal.SIGTERM)
        forced = not self._ends_within(slot, slot.child.grace_seconds)
        if forced:
            process.kill()
        pid, status = self._bury(slot)
        log.info("process stopped", name=slot.child.name, pid=pid, status=status, forced=forced)

    def _ends_within(self, slot: _Slot, seconds: float) -> bool:
        """Whether the child ends in time; a second request to stop cuts the wait short."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and self._stop_requests <= 1:
            for key, _events in self._selector.select(left):
                if key.data is slot:
                    return True
                if key.data is None:
                    self._stop_requests += len(os.read(self._wake_read, 64))
                else:
                    # Another child ended by itself meanwhile; its turn comes, but it must not keep us spinning.
                    time.sleep(_READY_POLL_SECONDS)
        return False


def _command(child: Child) -> list[str]:
    if child.account is None:
        return bound(child.argv)
    return bound(child.argv, user=(child.account.uid, child.account.gid), groups=child.account.groups)


def _kill_session(session: int) -> None:
    """SIGKILL to every process of a session except its leader, which is dead already."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == session:
            continue
        try:
            # proc(5): after the name in parentheses come state, ppid, pgrp, session.
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                os.kill(int(entry.name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            continue
