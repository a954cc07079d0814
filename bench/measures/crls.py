"""Publishing a CRL, from the rows to the file, beside ``openssl ca -gencrl`` with the same key and the same entries."""

from __future__ import annotations

import time
from collections.abc import Callable

from batch.context import WorkerContext
from batch.lists.crls import publish
from bench.measures.openssl import Openssl
from bench.measures.revoked import AUTHORITY, insert_revoked
from bench.measuring.figures import Book
from bench.measuring.window import Meter
from pki.certificates.serials import new_serial

_SIZES = (1_000, 10_000, 100_000)
_ROUNDS = 3


def measure_crls(context: WorkerContext, peer: Openssl, book: Book) -> list[int]:
    """Enter crl_*_s, crl_*_openssl_s and crl_*_ratio; gives the serials that are revoked at the end."""
    serials: list[int] = []
    for size in _SIZES:
        added = [new_serial() for _ in range(size - len(serials))]
        insert_revoked(context, added)
        peer.add_revoked(added)
        serials += added
        ours, theirs, shares = [], [], []
        for _ in range(_ROUNDS):
            meter = Meter()
            ours.append(_seconds(lambda: publish(context, AUTHORITY)))
            theirs.append(_seconds(peer.make_crl))
            shares.append(meter.read().strangers_share)
        name = f"crl_{size // 1000}k"
        ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
        columns = {f"{name}_s": (ours, 3), f"{name}_openssl_s": (theirs, 3), f"{name}_ratio": (ratios, 3)}
        book.add_all(shares, columns)
    return serials


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
