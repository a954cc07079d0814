"""``igc portal``: the web canal's process."""

from __future__ import annotations

from commands.composition import open_database, registration_authority
from commands.listening import listen
from commands.options import ConfigOption
from portal_ihm.app import build_app
from runtime.logs import configure
from runtime.settings import Settings


def run(config: ConfigOption = None) -> None:
    """Lance le portail."""
    settings = Settings.load(config)
    configure(settings.logging, process="portail")
    app = build_app(
        registration_authority(settings, open_database(settings, "portail")),
        session_secret=settings.portal.session_secret_file.read_text().encode(),
        public_url=settings.portal.public_url,
        session_seconds=settings.portal.session_seconds,
        max_body=settings.portal.limits.max_body_bytes,
    )
    listen(settings, settings.portal, app)
