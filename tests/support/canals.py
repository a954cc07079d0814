"""The web service of a world on a real listener, behind mutual TLS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.listening.server import HttpServer, Limits, server_ssl_context
from tests.support.world import World
from ws.app import WsLimits, build_app


@contextmanager
def serve_lots(world: World, certificate: Path, key: Path) -> Iterator[int]:
    """The port of loopback where it answers; clients of the authorities that the world recognises pass TLS."""
    authorities = world.recognised or world.hierarchy.authorities
    context = server_ssl_context(certificate, key, [each.certificate_der for each in authorities.values()])
    limits = WsLimits(max_items=world.policy.lots.max_items)
    app = build_app(world.ra, public_url="https://localhost:1", limits=limits)
    with HttpServer(app, "127.0.0.1", 0, ssl_context=context, limits=Limits(graceful_stop=2)).in_thread() as port:
        yield port
