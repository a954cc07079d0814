"""A relay or a worker as a process of its own, built from its settings by the composition root: ``ROLE CONFIG NAME``."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from batch.queue import WorkQueue, connect
from batch.relay import Relay
from batch.worker import run_worker
from commands.composition import batch_policy, open_database, worker_context
from runtime.logs import configure
from runtime.settings import Settings


def main(role: str, config: str, name: str) -> None:
    settings = Settings.load(Path(config))
    configure(settings.logging, process=name)
    db = open_database(settings)
    if role == "worker":
        run_worker(worker_context(settings, db, name), connect(settings.queue_dsn()))
        return
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    queue = WorkQueue(connect(settings.queue_dsn()), job_timeout=2 * settings.batch.lease_seconds)
    Relay(db, queue, batch_policy(settings)).run(stop)


if __name__ == "__main__":
    main(*sys.argv[1:])
