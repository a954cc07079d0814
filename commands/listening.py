"""What the two canals' processes share: mutual TLS on their address, within their limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from commands.composition import load_client_authorities, trust_anchors
from runtime.http_protocol import Limits
from runtime.http_server import HttpServer
from runtime.settings import Settings
from runtime.settings_sections import HttpLimits, PortalSettings, WsSettings
from runtime.tls import server_ssl_context


def listen(settings: Settings, section: WsSettings | PortalSettings, app: Callable[..., Any]) -> None:
    """Serve the ASGI application until SIGTERM, to clients of the recognised authorities and to strangers."""
    context = server_ssl_context(
        section.tls_certificate_file, section.tls_key_file.path, trust_anchors(load_client_authorities(settings))
    )
    HttpServer(
        app,
        section.host,
        section.port,
        ssl_context=context,
        limits=http_limits(section.limits),
        reuse_port=section.processes > 1,
    ).run()


def http_limits(limits: HttpLimits) -> Limits:
    """The bounds of a listener, from its section of the settings."""
    return Limits(
        max_connections=limits.max_connections,
        max_header_bytes=limits.max_header_bytes,
        handshake_timeout=limits.handshake_timeout_seconds,
        header_timeout=limits.header_timeout_seconds,
        body_timeout=limits.body_timeout_seconds,
        keep_alive_timeout=int(limits.idle_timeout_seconds),
    )
