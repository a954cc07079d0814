"""Many keys and CSRs at once, in as many processes as there are cores.

The processes are started by hand rather than by multiprocessing, which would run the caller's own program again in
each of them. A process gets names and a pass phrase on its standard input, writes the key itself and answers the CSR.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

import msgspec

from clients.errors import IgcClientError
from clients.files import reason_of, sweep
from clients.keys.one import KeyFileError, KeyTarget, make_key

__all__ = ["KeyFileError", "KeyTarget", "make_key", "make_keys", "serve"]

_ALONE = 2
"""Up to so many keys, starting processes costs more than it saves."""
_BOOT = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from clients.keys.many import serve; serve()"


class _Order(msgspec.Struct, frozen=True):
    target: KeyTarget
    passphrase: bytes | None


class _Answer(msgspec.Struct, frozen=True):
    csr: bytes = b""
    refusal: str | None = None


def make_keys(
    targets: Sequence[KeyTarget],
    *,
    passphrase: bytes | None = None,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[bytes]:
    """The CSRs (DER) of the targets, in order; keys and CSRs stand in their files when this returns.

    ``progress`` gets the number of pairs done since its last call. ``workers`` defaults to the machine's cores.
    What a killed run left half-written in their folders goes away first, even when nothing is left to be made.
    Raises KeyFileError when a key file of that name exists and cannot be read with the pass phrase.
    """
    for folder in {target.folder for target in targets}:
        sweep(folder)
    tell = progress or (lambda _count: None)
    if workers == 1 or len(targets) <= _ALONE:
        made = []
        for target in targets:
            made.append(make_key(target, passphrase))
            tell(1)
        return made
    count = min(workers or os.cpu_count() or 1, len(targets))
    idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
    started = [_Worker() for _ in range(count)]
    for worker in started:
        idle.put(worker)

    def ask(target: KeyTarget) -> bytes:
        worker = idle.get()
        try:
            return worker.make(_Order(target, passphrase))
        finally:
            idle.put(worker)

    pool = ThreadPoolExecutor(count)
    try:
        waiting = [pool.submit(ask, target) for target in targets]
        for done in as_completed(waiting):
            done.result()
            tell(1)
        return [done.result() for done in waiting]
    finally:
        pool.shutdown(cancel_futures=True)
        for worker in started:
            worker.stop()


def serve() -> None:
    """The life of one process: an order a line in, an answer a line out, until the input ends."""
    # Ctrl-C reaches the whole group: the parent decides, by closing our input once the key at hand is written.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for line in sys.stdin.buffer:
        order = msgspec.json.decode(line, type=_Order, dec_hook=_from_text)
        try:
            answer = _Answer(csr=make_key(order.target, order.passphrase))
        except IgcClientError as error:
            answer = _Answer(refusal=str(error))
        except OSError as error:
            answer = _Answer(refusal=f"Le dossier {order.target.folder} refuse l'écriture : {reason_of(error)}.")
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()


class _Worker:
    def __init__(self) -> None:
        command = [sys.executable, "-c", _BOOT, json.dumps(sys.path)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def make(self, order: _Order) -> bytes:
        orders, answers = self._process.stdin, self._process.stdout
        if orders is None or answers is None:
            raise RuntimeError("a process without its pipes")
        try:
            orders.write(msgspec.json.encode(order, enc_hook=str) + b"\n")
            orders.flush()
            line = answers.readline()
        except OSError:
            line = b""
        if not line:
            raise KeyFileError("Un processus de fabrication de clés s'est arrêté ; relancez : ce qui est fait reste.")
        answer = msgspec.json.decode(line, type=_Answer)
        if answer.refusal is not None:
            raise KeyFileError(answer.refusal)
        return answer.csr

    def stop(self) -> None:
        # Closing the input ends the process; leaving the block waits for it and closes the rest. One that died
        # leaves an order in the pipe that can no longer be delivered.
        with contextlib.suppress(OSError), self._process:
            pass


def _from_text(kind: type, value: object) -> object:
    return kind(value)
