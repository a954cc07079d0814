"""What load balancers and Prometheus see of a whole plateforme of real processes, its database coming and going."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from commands.trial.plateforme import CLIENTS_FOLDER, Ceremony, make_plateforme
from runtime.listening.health import ALIVE, READY
from runtime.metrics.catalogue import BY_COLLECTOR, CATALOGUE
from runtime.probes import tcp_answers, tls_answers
from runtime.processes.bound import bound
from runtime.settings.model import Settings
from storage.migrate import upgrade
from tests.support.postgres import PostgresServer
from tests.support.processes import wait_until
from tests.support.verbs import write_settings

pytestmark = pytest.mark.long

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@dataclass
class Running:
    """A plateforme under ``igc serve``, seen from outside."""

    settings: Settings
    postgres: PostgresServer

    @property
    def listeners(self) -> dict[str, str]:
        settings = self.settings
        tls = {"ws": settings.ws.port, "portail": settings.portal.port, "sans-login": settings.sans_login.port}
        plain = {"publication": settings.publication.port, "metriques": settings.metrics.port}
        return {
            **{name: f"https://localhost:{port}" for name, port in tls.items()},
            **{name: f"http://127.0.0.1:{port}" for name, port in plain.items()},
        }

    @property
    def session(self) -> requests.Session:
        """A monitor's: it knows the root, and has no certificate."""
        session = requests.Session()
        session.trust_env = False
        session.verify = str(self.settings.data_dir / CLIENTS_FOLDER / "ac-racine.pem")
        return session

    def get(self, name: str, path: str) -> requests.Response:
        with self.session as session:
            return session.get(self.listeners[name] + path, timeout=30, allow_redirects=False)

    def readiness(self) -> dict[str, tuple[int, str]]:
        answers = {name: self.get(name, READY) for name in self.listeners}
        return {name: (answer.status_code, answer.text.strip()) for name, answer in answers.items()}

    def scrape(self) -> Samples:
        answer = self.get("metriques", "/metrics")
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }


def total(samples: Samples, name: str, **labels: str) -> float:
    """The sum of a metric over what is not said."""
    wanted = labels.items()
    return sum(value for (known, has), value in samples.items() if known == name and wanted <= dict(has).items())


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("supervised")
    names = ("ws", "portal", "publication", "sans_login", "metrics")
    with ExitStack() as probes:
        servers = [probes.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in names]
        ports = {name: server.getsockname()[1] for name, server in zip(names, servers, strict=True)}
    postgres = PostgresServer(durable=True)
    try:
        postgres.start()
        url = postgres.create("igc")
        upgrade(url)
        config = write_settings(
            folder / "igc.toml",
            {
                "data_dir": ".",
                "database_url": url,
                "ws": {"port": ports["ws"], "processes": 2, "public_url": f"https://localhost:{ports['ws']}"},
                "portal": {"port": ports["portal"], "public_url": f"https://localhost:{ports['portal']}"},
                "publication": {"port": ports["publication"]},
                "sans_login": {
                    "port": ports["sans_login"],
                    "processes": 1,
                    "public_url": f"https://localhost:{ports['sans_login']}",
                },
                "metrics": {"port": ports["metrics"]},
                "batch": {"workers": 2},
                "pki": {"seal_seconds": 5},
                "logging": {"level": "WARNING"},
            },
        )
        settings = Settings.load(config)
        make_plateforme(settings, Ceremony(key_bits=2048))
        argv = bound([sys.executable, "-m", "commands", "serve", "--config", str(config)])
        process = subprocess.Popen(argv, env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""})
        try:
            for name, port in ports.items():
                answers = tcp_answers if name in {"publication", "metrics"} else tls_answers
                wait_until(lambda a=answers, p=port: a("127.0.0.1", p), what=name)  # type: ignore[misc]  # bound at once
            yield Running(settings, postgres)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.wait()
    finally:
        postgres.stop()


def all_ready(running: Running) -> bool:
    return all(status == 200 for status, _ in running.readiness().values())


def test_every_listener_answers_both_probes_without_a_certificate(running: Running) -> None:
    wait_until(lambda: all_ready(running), what=f"ready: {running.readiness()}")
    for name in running.listeners:
        alive = running.get(name, ALIVE)
        assert (alive.status_code, alive.text) == (200, "vivant\n"), name
        assert alive.headers["cache-control"] == "no-store"
        ready = running.get(name, f"{READY}?x=1")
        assert (ready.status_code, ready.text) == (200, "pret\n"), name
        with running.session as session:
            assert session.post(running.listeners[name] + READY, timeout=30).status_code == 405
            head = session.head(running.listeners[name] + READY, timeout=30)
            assert (head.status_code, head.content) == (200, b"")


def test_metrics_are_those_of_the_catalogue_and_count_what_is_done(running: Running) -> None:
    wait_until(lambda: all_ready(running), what="ready")
    wait_until(lambda: ("igc_trail_checkpoint_age_seconds", ()) in running.scrape(), what="a seal")
    wait_until(lambda: total(running.scrape(), "igc_workers") == 2, what="workers")
    before = running.scrape()
    known = {metric.name.removesuffix("_total") for metric in CATALOGUE}
    families = {name for name, _ in before}
    for name in families:
        bare = name
        for suffix in ("_total", "_bucket", "_sum", "_count", "_created"):
            bare = bare.removesuffix(suffix)
        assert bare in known, name
    with_samples = {metric.name for metric in BY_COLLECTOR} - families
    assert with_samples <= {"igc_alarms"}, "every gauge of the collector has a sample"
    assert total(before, "igc_database_up") == total(before, "igc_queue_up") == 1
    assert total(before, "igc_workers") == 2
    assert total(before, "igc_crl_left_seconds", list="complete") > 0

    client = running.settings.data_dir / CLIENTS_FOLDER
    with running.session as session:
        for path in ("/", "/suivi", "/suivi/demandes/123456", "/suivi/demandes/654321"):
            session.get(running.listeners["portail"] + path, timeout=30)  # nobody: 403, counted all the same
        session.cert = (str(client / "dr-leroux.pem"), str(client / "dr-leroux.key"))
        assert session.get(running.listeners["portail"] + "/suivi", timeout=30).status_code == 200
        for _ in range(5):
            session.post(
                running.listeners["ws"] + "/ws/lots/1.0", data=b"<x/>", headers={"Content-Type": "text/xml"}, timeout=30
            )
    for _ in range(3):
        running.get("publication", "/rien")
    after = running.scrape()

    def more(name: str, **labels: str) -> float:
        return total(after, name, **labels) - total(before, name, **labels)

    pages = {"canal": "portail", "operation": "/suivi"}
    assert more("igc_requests_total", **pages, outcome="200") == 1
    assert more("igc_requests_total", **pages, outcome="403") == 1
    assert more("igc_request_seconds_count", **pages) == 2
    assert more("igc_requests_total", canal="portail", operation="/suivi/demandes/{numero}", outcome="403") == 2
    assert more("igc_requests_total", canal="ws") == 5, "both processes together"
    assert more("igc_requests_total", canal="publication", operation="autre", outcome="404") == 3
    assert "123456" not in running.get("metriques", "/metrics").text, "no value of an address is a label"
    assert total(after, "igc_jobs_total", outcome="ok") > 0
    assert running.get("metriques", "/").status_code == 404


def test_without_its_database_nothing_is_ready_all_live_and_come_back(running: Running) -> None:
    wait_until(lambda: all_ready(running), what="ready")
    running.get("portail", "/")
    running.postgres.halt()
    try:
        wait_until(lambda: not any(status == 200 for status, _ in running.readiness().values()), what="not ready")
        told = running.readiness()
        assert {status for status, _ in told.values()} == {503}
        assert {text for _, text in told.values()} <= {"non pret : base", "non pret : lent"}, told
        for name in running.listeners:
            assert running.get(name, ALIVE).status_code == 200
        # A measure is told for some seconds.
        wait_until(lambda: total(running.scrape(), "igc_database_up") == 0, what="measured without its database")
        samples = running.scrape()
        assert total(samples, "igc_requests_total", canal="portail") > 0
        assert total(samples, "igc_certificate_left_seconds", kind="tls") > 0
    finally:
        running.postgres.start()
    wait_until(lambda: all_ready(running), what="ready again", seconds=120)
    assert total(running.scrape(), "igc_database_up") in {0, 1}
    wait_until(lambda: total(running.scrape(), "igc_database_up") == 1, what="measured again")


def test_a_crowd_of_probes_costs_one_look(running: Running) -> None:
    """Many at once, all answered: the look behind them is shared (its number is counted in the unit test)."""
    context = ssl.create_default_context(cafile=str(running.settings.data_dir / CLIENTS_FOLDER / "ac-racine.pem"))
    with (
        socket.create_connection(("127.0.0.1", running.settings.portal.port), timeout=30) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as connection,
    ):
        for _ in range(200):
            connection.sendall(f"GET {READY} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            answer = b""
            while not answer.endswith((b"pret\n", b"lent\n", b"base\n", b"file\n")):
                answer += connection.recv(4096)
            assert answer.startswith(b"HTTP/1.1 ")
