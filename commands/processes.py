"""One verb per process of the plateforme: each builds its parts from the settings and runs until SIGTERM."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from batch.queue import WorkQueue, connect
from batch.relay import Relay
from batch.worker import run_worker
from commands.composition import (
    batch_policy,
    load_client_authorities,
    open_database,
    registration_authority,
    trust_anchors,
    worker_context,
)
from commands.options import ConfigOption
from portal_ihm.app import build_app as build_portal
from runtime.http_protocol import Limits
from runtime.http_server import HttpServer
from runtime.logs import configure
from runtime.settings import Settings
from runtime.settings_sections import HttpLimits
from runtime.tls import server_ssl_context
from ws.app import build_app as build_ws
from ws.front import WsLimits

_JOB_TIMEOUT_MARGIN = 2


def run_ws(config: ConfigOption = None) -> None:
    """Lance le service web SOAP."""
    settings = Settings.load(config)
    configure(settings.logging, process="ws")
    authority = registration_authority(settings, open_database(settings))
    limits = WsLimits(
        max_items=settings.ws.max_items,
        max_bytes=settings.ws.limits.max_body_bytes,
        max_wait=int(settings.ws.max_wait_seconds),
    )
    app = build_ws(authority, public_url=settings.ws.public_url, limits=limits)
    _listen(
        settings,
        app,
        (settings.ws.host, settings.ws.port),
        (settings.ws.tls_certificate_file, settings.ws.tls_key_file.path),
        settings.ws.limits,
        several=settings.ws.processes > 1,
    )


def run_portal(config: ConfigOption = None) -> None:
    """Lance le portail."""
    settings = Settings.load(config)
    configure(settings.logging, process="portail")
    authority = registration_authority(settings, open_database(settings))
    secret = settings.portal.session_secret_file.read_text().encode()
    app = build_portal(
        authority,
        session_secret=secret,
        public_url=settings.portal.public_url,
        session_seconds=settings.portal.session_seconds,
        max_body=settings.portal.limits.max_body_bytes,
    )
    _listen(
        settings,
        app,
        (settings.portal.host, settings.portal.port),
        (settings.portal.tls_certificate_file, settings.portal.tls_key_file.path),
        settings.portal.limits,
        several=settings.portal.processes > 1,
    )


def _listen(
    settings: Settings,
    app: object,
    address: tuple[str, int],
    pair: tuple[Path, Path],
    limits: HttpLimits,
    *,
    several: bool,
) -> None:
    context = server_ssl_context(*pair, trust_anchors(load_client_authorities(settings)))
    HttpServer(app, *address, ssl_context=context, limits=_limits(limits), reuse_port=several).run()  # type: ignore[arg-type]  # both are ASGI applications


def _limits(limits: HttpLimits) -> Limits:
    return Limits(
        max_connections=limits.max_connections,
        max_header_bytes=limits.max_header_bytes,
        handshake_timeout=limits.handshake_timeout_seconds,
        header_timeout=limits.header_timeout_seconds,
        body_timeout=limits.body_timeout_seconds,
        keep_alive_timeout=int(limits.idle_timeout_seconds),
    )


def run_worker_process(
    config: ConfigOption = None,
    name: Annotated[str | None, typer.Option(help="Nom du processus, unique sur la plateforme.")] = None,
) -> None:
    """Lance un processus qui enregistre les lots et signe les certificats."""
    settings = Settings.load(config)
    configure(settings.logging, process=name or "worker")
    context = worker_context(settings, open_database(settings), name)
    run_worker(context, connect(settings.queue_dsn()))


def run_relay(config: ConfigOption = None) -> None:
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
    Relay(open_database(settings), queue, policy).run(stop)
