"""``igc portal``: the web canal's process."""

from __future__ import annotations

from commands.composition import started
from commands.options import ConfigOption
from commands.processes.listening import listen
from portal_ihm.app import build_app
from registration.retraits.textes import publish_textes
from runtime.clock import system_clock
from storage.waits import CANAL


def run(config: ConfigOption = None) -> None:
    """Lance le portail."""
    with started(config, "portail", "portail", waits=CANAL) as here:
        section = here.settings.portal
        here.db.refuse_unfit()
        publish_textes(here.db, here.plateforme, here.textes, system_clock())
        app = build_app(
            here.registration_authority,
            session_secret=section.session_secret_file.read_text().encode(),
            public_url=section.public_url,
            session_seconds=section.session_seconds,
            max_body=section.limits.max_body_bytes,
        )
        listen(here, section, app)
