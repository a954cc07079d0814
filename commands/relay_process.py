"""``igc relay``: sends what the outbox owes to the workers."""

from __future__ import annotations

import signal
import threading
from dataclasses import replace

from batch.queue import WorkQueue, connect
from batch.relay import Relay
from commands.composition import batch_policy, open_database
from commands.options import ConfigOption
from commands.watching import watched
from runtime.logs import configure
from runtime.settings import Settings

_JOB_TIMEOUT_MARGIN = 2


def run(config: ConfigOption = None) -> None:
    """Lance le relais, qui envoie aux processus de signature ce que la base leur doit."""
    settings = Settings.load(config)
    configure(settings.logging, process="relais")
    policy = batch_policy(settings)
    queue = WorkQueue(
        connect(settings.queue_dsn()), job_timeout=int(_JOB_TIMEOUT_MARGIN * settings.batch.lease_seconds)
    )
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    # Where the listeners run on another machine, their files are not missing here.
    here = watched(settings)
    here = replace(here, tls={name: file for name, file in here.tls.items() if file.exists()})
    Relay(open_database(settings, "relais"), queue, policy, watched=here).run(stop)
