"""``igc ws``: the SOAP canal's process."""

from __future__ import annotations

from commands.composition import open_database, registration_authority
from commands.listening import listen
from commands.options import ConfigOption
from runtime.logs import configure
from runtime.settings import Settings
from ws.app import build_app
from ws.front import WsLimits


def run(config: ConfigOption = None) -> None:
    """Lance le service web SOAP."""
    settings = Settings.load(config)
    configure(settings.logging, process="ws")
    authority = registration_authority(settings, open_database(settings, "service-web"))
    limits = WsLimits(
        max_items=settings.ws.max_items,
        max_bytes=settings.ws.limits.max_body_bytes,
        max_wait=int(settings.ws.max_wait_seconds),
    )
    listen(settings, settings.ws, build_app(authority, public_url=settings.ws.public_url, limits=limits))
