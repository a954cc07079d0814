"""The floors: bare signatures of the same library on the same cores, a bare validated parse of the same bytes."""

from __future__ import annotations

import multiprocessing
import os
import statistics
import time
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

_SECONDS = 4.0
_PARSES = 7
_SCHEMA = Path(__file__).parent.parent / "schemas" / "igc-lots-1.0.xsd"
_MESSAGE = b"x" * 1200  # about the size of a TBSCertificate


def raw_signatures_per_second(bits: int) -> float:
    """Bare ``sign`` calls, one process per core, all at the same time; the sum of their rates."""
    count = len(os.sched_getaffinity(0))
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(count)
    with context.Manager() as manager:
        rates = manager.list()
        workers = [context.Process(target=_sign, args=(bits, barrier, rates)) for _ in range(count)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return float(sum(rates))


def _sign(bits: int, barrier: object, rates: object) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    scheme, digest = padding.PKCS1v15(), hashes.SHA256()
    barrier.wait()  # type: ignore[attr-defined]  # a multiprocessing barrier
    start = time.perf_counter()
    done = 0
    while time.perf_counter() - start < _SECONDS:
        for _ in range(20):
            key.sign(_MESSAGE, scheme, digest)
        done += 20
    rates.append(done / (time.perf_counter() - start))  # type: ignore[attr-defined]  # a manager's list


def bare_parse_seconds(body: bytes) -> float:
    """Median time to parse the message and validate its body with the published schema, nothing else."""
    schema = etree.XMLSchema(etree.parse(_SCHEMA))
    times = []
    for _ in range(_PARSES):
        start = time.perf_counter()
        envelope = etree.fromstring(body)
        if not schema.validate(etree.ElementTree(envelope[-1][0])):
            raise ValueError("the message of the bench does not follow the schema")
        times.append(time.perf_counter() - start)
    return statistics.median(times)
