"""What the two canals' processes share: mutual TLS on their address, within their limits."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from commands.composition import Instance
from commands.processes.readiness import CANALS, STRANGERS, readiness
from runtime.listening.health import Health
from runtime.listening.limits import Limits, reachable
from runtime.listening.server import HttpServer
from runtime.listening.tls import server_ssl_context
from runtime.settings.portal import PortalSettings
from runtime.settings.sans_login import SansLoginSettings
from runtime.settings.sections import HttpLimits, WsSettings

_OBJECTS_BETWEEN_SEARCHES = 10_000


@dataclass(frozen=True)
class Listener:
    """An ASGI application on a port, and the authorities (DER) of the clients that are asked for a certificate.

    ``for_cards`` as for ``server_ssl_context``.
    """

    app: Callable[..., Any]
    port: int
    client_cas: Sequence[bytes] = ()
    for_cards: bool = False


def listen(here: Instance, section: WsSettings, app: Callable[..., Any]) -> None:
    """Serve the ASGI application until SIGTERM, to clients of the recognised authorities and to strangers."""
    serve_all(section, (Listener(Health(app, readiness(here, CANALS)), section.port, here.trust_anchors),))


def listen_to_strangers(here: Instance, section: SansLoginSettings, app: Callable[..., Any]) -> None:
    """As ``listen``, and nobody is asked for a client certificate."""
    serve_all(section, (Listener(Health(app, readiness(here, STRANGERS)), section.port),))


def serve_all(section: WsSettings | PortalSettings | SansLoginSettings, listeners: Sequence[Listener]) -> None:
    """Serve each of them until SIGTERM, all on the host of the section. The first has the main thread.

    OSError, before anything is served, when a port is taken.
    """
    # What is there by now stays until the end: looked through for garbage again and again, it would hold calls up.
    # And a call makes some hundreds of objects that end with it, hardly any of them garbage that only a search finds.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_SEARCHES)
    first, *others = [_server(section, listener, among=len(listeners)) for listener in listeners]
    with ExitStack() as stack:
        for server in others:
            stack.enter_context(server.in_thread())
        first.run()


def _server(section: WsSettings | PortalSettings | SansLoginSettings, listener: Listener, *, among: int) -> HttpServer:
    context = server_ssl_context(
        section.tls_certificate_file, section.tls_key_file.path, listener.client_cas, for_cards=listener.for_cards
    )
    server = HttpServer(
        listener.app,
        section.host,
        listener.port,
        ssl_context=context,
        limits=http_limits(section.limits, listeners=among),
        reuse_port=section.processes > 1,
    )
    _ = server.port  # bound now, so that a port that is taken stops the process
    return server


def http_limits(limits: HttpLimits, *, listeners: int = 1) -> Limits:
    """The bounds of a listener, from its section of the settings, as far as this process can reach them."""
    wanted = Limits(
        max_connections=limits.max_connections,
        max_handshakes=limits.max_handshakes,
        max_header_bytes=limits.max_header_bytes,
        handshake_timeout=limits.handshake_timeout_seconds,
        header_timeout=limits.header_timeout_seconds,
        body_timeout=limits.body_timeout_seconds,
        keep_alive_timeout=int(limits.idle_timeout_seconds),
    )
    return reachable(wanted, listeners=listeners)
