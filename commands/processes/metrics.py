"""``igc metrics``: answers Prometheus with what all processes counted, and with what database and files say."""

from __future__ import annotations

from batch.watching.measuring import Measuring, Surroundings
from batch.watching.scraping import MetricsApp
from commands.checks.check_publication import find_all
from commands.checks.watched import watched
from commands.composition import started
from commands.options import ConfigOption
from commands.processes.listening import http_limits
from commands.processes.readiness import PUBLICATION, readiness
from runtime.clock import system_clock
from runtime.errors import OperatorError
from runtime.listening.health import Health
from runtime.listening.server import HttpServer
from runtime.metrics.recording import forget_dead
from storage.waits import CANAL


def run(config: ConfigOption = None) -> None:
    """Sert les métriques à Prometheus, en HTTP local."""
    with started(config, "metriques", waits=CANAL) as here:
        section = here.settings.metrics
        if not section.port:
            raise OperatorError("metrics.port vaut 0 : rien à servir")
        here.db.refuse_unfit()
        section.folder.mkdir(mode=0o770, parents=True, exist_ok=True)
        forget_dead(section.folder)
        around = Surroundings(
            authorities=lambda: here.authorities,
            tls=watched(here.settings).tls,
            alarms=lambda: find_all(here),
        )
        app = MetricsApp(section.folder, Measuring(here.db, here.plateforme, around, system_clock))
        server = HttpServer(
            Health(app, readiness(here, PUBLICATION[:0])),
            section.host,
            section.port,
            limits=http_limits(section.limits),
        )
        server.run()
