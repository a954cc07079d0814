"""``igc ws``: the SOAP canal's process."""

from __future__ import annotations

from commands.composition import started
from commands.options import ConfigOption
from commands.processes.listening import listen
from commands.processes.measuring import begin_counting
from registration.retraits.textes import publish_textes
from runtime.clock import system_clock
from storage.waits import CANAL
from ws.app import build_app
from ws.serving.front import WsLimits


def run(config: ConfigOption = None) -> None:
    """Lance le service web SOAP."""
    with started(config, "ws", "service-web", waits=CANAL) as here:
        section = here.settings.ws
        begin_counting(here.settings)
        here.db.refuse_unfit()
        publish_textes(here.db, here.plateforme, here.textes, system_clock())
        limits = WsLimits(
            max_items=section.max_items,
            max_bytes=section.limits.max_body_bytes,
            max_wait=int(section.max_wait_seconds),
        )
        listen(here, section, build_app(here.registration_authority, public_url=section.public_url, limits=limits))
