"""What the relay's log and ``igc check-publication`` look at beside the database, from the settings."""

from __future__ import annotations

from batch.endings import Watched
from runtime.settings import Settings


def watched(settings: Settings) -> Watched:
    """What no process renews by itself."""
    return Watched(
        authorities_dir=settings.pki.authorities_dir,
        publication=settings.pki.publication_dir,
        tls={"ws": settings.ws.tls_certificate_file, "portal": settings.portal.tls_certificate_file},
    )
