"""What the two canals' processes share: mutual TLS on their address, within their limits."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from typing import Any

from commands.composition import Instance
from runtime.listening.limits import Limits, reachable
from runtime.listening.server import HttpServer
from runtime.listening.tls import server_ssl_context
from runtime.settings.sans_login import SansLoginSettings
from runtime.settings.sections import HttpLimits, PortalSettings, WsSettings

_OBJECTS_BETWEEN_SEARCHES = 10_000


def listen(here: Instance, section: WsSettings | PortalSettings, app: Callable[..., Any]) -> None:
    """Serve the ASGI application until SIGTERM, to clients of the recognised authorities and to strangers."""
    _serve(section, app, here.trust_anchors)


def listen_to_strangers(section: SansLoginSettings, app: Callable[..., Any]) -> None:
    """As ``listen``, and nobody is asked for a client certificate."""
    _serve(section, app, ())


def _serve(
    section: WsSettings | PortalSettings | SansLoginSettings, app: Callable[..., Any], client_cas: Iterable[bytes]
) -> None:
    # What is there by now stays until the end: looked through for garbage again and again, it would hold calls up.
    # And a call makes some hundreds of objects that end with it, hardly any of them garbage that only a search finds.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_SEARCHES)
    context = server_ssl_context(section.tls_certificate_file, section.tls_key_file.path, client_cas)
    HttpServer(
        app,
        section.host,
        section.port,
        ssl_context=context,
        limits=http_limits(section.limits),
        reuse_port=section.processes > 1,
    ).run()


def http_limits(limits: HttpLimits) -> Limits:
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
    return reachable(wanted)
