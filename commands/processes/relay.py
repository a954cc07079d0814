"""``igc relay``: sends what the outbox owes to the workers."""

from __future__ import annotations

import signal
import threading
from dataclasses import replace

from batch.queue.relay import Relay
from batch.queue.rq import WorkQueue, connect, refuse_unfit
from commands.checks.watched import watched
from commands.composition import started
from commands.options import ConfigOption


def run(config: ConfigOption = None) -> None:
    """Lance le relais, qui envoie aux processus de signature ce que la base leur doit."""
    with started(config, "relais", "relais") as here:
        here.db.refuse_unfit()
        refuse_unfit(here.settings.queue_dsn())
        queue = WorkQueue(connect(here.settings.queue_dsn()))
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: stop.set())
        # Where the listeners run on another machine, their files are not missing here.
        seen = watched(here.settings)
        seen = replace(seen, tls={name: file for name, file in seen.tls.items() if file.exists()})
        Relay(here.db, queue, here.batch_policy, watched=seen, guard=here.guard).run(stop)
