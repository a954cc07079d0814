"""From the transaction that revokes until an OCSP answer says so, while the long CRL is made over and over.

Beside it, how many of the first requests for certificates a few seconds old needed no signature.
"""

from __future__ import annotations

import multiprocessing
import socket
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.x509 import ocsp
from sqlalchemy import update

from batch.context import WorkerContext
from batch.lists.crls import publish
from bench.measures.ocsp_messages import exchange, request
from bench.measures.revoked import AUTHORITY, insert_revoked, is_one_of
from bench.measuring.figures import Book, Sample
from bench.measuring.window import Meter
from bench.plateforme.http import connect
from commands.composition import Instance
from pki.certificates.serials import new_serial
from runtime.settings.model import Settings
from storage import tables

_REVOCATIONS = 200
_PICKED_UP_SECONDS = 5.0


def measure_freshness(settings: Settings, config: Path, context: WorkerContext, book: Book) -> None:
    """Enter ocsp_ready_share, revocation_p50_ms and revocation_p95_ms."""
    fresh = [new_serial() for _ in range(_REVOCATIONS)]
    insert_revoked(context, fresh)
    with context.db.write() as session:
        session.execute(update(tables.Certificat).where(is_one_of(fresh)).values(revoque_le=None, raison_crl=None))
    time.sleep(_PICKED_UP_SECONDS)
    asked_at, prepared = datetime.now(UTC).replace(microsecond=0), 0
    stop = multiprocessing.get_context("spawn").Event()
    publisher = multiprocessing.get_context("spawn").Process(target=_keep_publishing, args=(config, stop))
    publisher.start()
    meter, times = Meter(), []
    try:
        connection = connect("127.0.0.1", settings.publication.port)
        for serial in fresh:
            message = request(context, serial)
            prepared += _expect(connection, message, ocsp.OCSPCertStatus.GOOD).this_update_utc < asked_at
            start = time.perf_counter()
            _revoke(context, serial)
            _expect(connection, message, ocsp.OCSPCertStatus.REVOKED)
            times.append((time.perf_counter() - start) * 1000)
        connection.close()
    finally:
        stop.set()
        publisher.join()
    share = meter.read().strangers_share
    book.note("ocsp_ready_share", round(prepared / len(fresh), 3))
    book.add("revocation_p50_ms", [Sample(statistics.median(times), share)], 2)
    book.add("revocation_p95_ms", [Sample(statistics.quantiles(times, n=20)[-1], share)], 2)


def _revoke(context: WorkerContext, serial: int) -> None:
    with context.db.write() as session:
        session.execute(
            update(tables.Certificat)
            .where(is_one_of([serial]))
            .values(revoque_le=datetime.now(UTC), raison_crl="keyCompromise")
        )


def _expect(connection: socket.socket, message: bytes, status: ocsp.OCSPCertStatus) -> ocsp.OCSPResponse:
    answer = ocsp.load_der_ocsp_response(exchange(connection, message))
    if answer.certificate_status is not status:
        raise RuntimeError("an answer was older than the row")
    return answer


def _keep_publishing(config: Path, stop: Any) -> None:  # noqa: ANN401 -- an event of multiprocessing
    """A worker that does nothing but make the long CRL, over and over."""
    settings = Settings.load(config)
    context = Instance(settings).worker_context("bench-publisher")
    while not stop.is_set():
        publish(context, AUTHORITY)
