"""Bare signatures of the same library on the same cores."""

from __future__ import annotations

import multiprocessing
import os
import statistics
import time
from dataclasses import dataclass
from typing import Any, Self

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from bench.measuring.window import Meter

_MESSAGE = b"x" * 1200  # about the size of a TBSCertificate
_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Signatures:
    """Signatures a second of all cores together, µs of CPU for one, and the share of the cores that strangers had."""

    per_second: float
    cpu_us: float
    strangers: float


def mean(floors: tuple[Signatures, Signatures]) -> Signatures:
    """What stands between two of them."""
    return Signatures(
        statistics.fmean(one.per_second for one in floors),
        statistics.fmean(one.cpu_us for one in floors),
        statistics.fmean(one.strangers for one in floors),
    )


class RawSigner:
    """A process for each core, started once, so that a round costs its window and no more; a context manager."""

    def __init__(self, bits: int) -> None:
        """Keys of so many bits, made when the processes start."""
        self._context = multiprocessing.get_context("spawn")
        self._bits = bits
        self._pipes: list[Any] = []
        self._processes: list[Any] = []

    def __enter__(self) -> Self:
        for _ in os.sched_getaffinity(0):
            ours, theirs = self._context.Pipe()
            process = self._context.Process(target=_serve, args=(self._bits, theirs), daemon=True)
            process.start()
            self._pipes.append(ours)
            self._processes.append(process)
        for pipe in self._pipes:
            pipe.recv()
        return self

    def __exit__(self, *_error: object) -> None:
        for pipe in self._pipes:
            pipe.send(0.0)
        for process in self._processes:
            process.join()

    def round(self, seconds: float) -> Signatures:
        """All processes at the same time, for so long; the sum of their rates."""
        meter = Meter()
        for pipe in self._pipes:
            pipe.send(seconds)
        found = [pipe.recv() for pipe in self._pipes]
        window = meter.read()
        return Signatures(
            sum(count / elapsed for count, elapsed, _cpu in found),
            1e6 * sum(cpu for _count, _elapsed, cpu in found) / sum(count for count, _elapsed, _cpu in found),
            window.strangers_share,
        )


def _serve(bits: int, pipe: Any) -> None:  # noqa: ANN401 -- a connection of multiprocessing
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    scheme, digest = padding.PKCS1v15(), hashes.SHA256()
    pipe.send(True)
    while seconds := pipe.recv():
        start, cpu, done = time.perf_counter(), time.process_time(), 0
        while time.perf_counter() - start < seconds:
            for _ in range(_AT_ONCE):
                key.sign(_MESSAGE, scheme, digest)
            done += _AT_ONCE
        pipe.send((done, time.perf_counter() - start, time.process_time() - cpu))
