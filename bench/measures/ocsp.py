"""Answers of our responder beside those of ``openssl ocsp``: same certificates, keys and client, windows in turns.

``openssl ocsp`` closes each connection after its answer, which is all that it offers: our rate on kept connections is
compared with that, and our rate on new ones is told beside it.
"""

from __future__ import annotations

import multiprocessing
import time

from batch.context import WorkerContext
from bench.measures.ocsp_messages import exchange, request
from bench.measuring.figures import Book, Sample
from bench.measuring.window import Meter
from bench.plateforme.http import connect

_ROUNDS = 5
_WINDOW_SECONDS = 1.0
_NONCE = b"n" * 32


def measure_ocsp(context: WorkerContext, port: int, openssl_port: int, serial: int, book: Book) -> None:
    """Enter openssl_ocsp_per_s, ocsp_*_per_s and ocsp_*_ratio; all ask for the certificate of ``serial``."""
    plain, closing = request(context, serial), request(context, serial, keep=False)
    windows: dict[str, tuple[int, bytes, bool]] = {
        "openssl_ocsp_per_s": (openssl_port, closing, False),
        "ocsp_cached_per_s": (port, plain, True),
        "ocsp_cached_new_connections_per_s": (port, closing, False),
        "ocsp_signed_per_s": (port, request(context, serial, nonce=_NONCE), True),
    }
    samples: dict[str, list[Sample]] = {name: [] for name in windows}
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        for _ in range(_ROUNDS):
            for name, window in windows.items():
                meter = Meter()
                rate = pool.apply(_ask, window)
                samples[name].append(Sample(rate, meter.read().strangers_share))
    for name, found in samples.items():
        book.add(name, found, 1)
    for name in ("ocsp_cached", "ocsp_cached_new_connections"):
        pairs = zip(samples[f"{name}_per_s"], samples["openssl_ocsp_per_s"], strict=True)
        ratios = [Sample(ours.value / theirs.value, (ours.strangers + theirs.strangers) / 2) for ours, theirs in pairs]
        book.add(f"{name}_ratio", ratios, 2)


def _ask(port: int, message: bytes, keep: bool) -> float:  # noqa: FBT001 -- one of three plain values sent to a process
    """Answers per second of one client that asks the same again and again."""
    done, connection = 0, None
    start = time.perf_counter()
    while time.perf_counter() - start < _WINDOW_SECONDS:
        if connection is None:
            connection = connect("127.0.0.1", port)
        exchange(connection, message)
        done += 1
        if not keep:
            connection.close()
            connection = None
    return done / (time.perf_counter() - start)
