"""What each listener needs to be sent work; its readiness (``runtime.listening.health``) is a look at it."""

from __future__ import annotations

from collections.abc import Callable

from commands.composition import Instance
from registration.life.readiness import Part, not_ready
from runtime.clock import system_clock

CANALS = (Part.STOPPED, Part.LISTS, Part.QUEUE)
"""Those who are asked for certificates, by clients whose revocation must be known."""

STRANGERS = (Part.STOPPED,)
"""The site without login knows no client certificate, and what it does waits for nobody."""

PUBLICATION = (Part.LISTS,)
"""What was signed before is served whatever else has stopped: relying parties need it then most."""


def readiness(here: Instance, parts: tuple[Part, ...]) -> Callable[[], str | None]:
    """The look of one listener: which of these parts does not serve.

    Of the lists, those of our own authorities in force: an authority of others whose list is late keeps its own clients
    out, and an alarm says so; the listener still serves everybody else.
    """

    def look() -> str | None:
        now = system_clock()
        names = [name for name, one in here.authorities.items() if one.not_before <= now < one.not_after]
        return not_ready(here.db, parts, names, now)

    return look
