"""What the relay's log and ``igc check-publication`` look at beside the database, from the settings."""

from __future__ import annotations

from batch.watching.expiry import Watched
from runtime.probes import served_certificate
from runtime.settings.model import Settings
from runtime.settings.portal import PortalSettings
from runtime.settings.sans_login import SansLoginSettings
from runtime.settings.sections import WsSettings


def watched(settings: Settings) -> Watched:
    """What no process renews by itself."""
    return Watched(
        authorities_dir=settings.pki.authorities_dir,
        publication=settings.pki.publication_dir,
        tls={name: section.tls_certificate_file for name, section in _listeners(settings).items()},
    )


def served_certificates(settings: Settings) -> dict[str, bytes]:
    """What the listeners of this machine show at this moment, DER, by name; one that does not answer is left out."""
    shown = {name: served_certificate(_reachable(one.host), _port(one)) for name, one in _listeners(settings).items()}
    return {name: der for name, der in shown.items() if der is not None}


def _listeners(settings: Settings) -> dict[str, WsSettings | PortalSettings | SansLoginSettings]:
    """Those of this plateforme that show a certificate."""
    found: dict[str, WsSettings | PortalSettings | SansLoginSettings] = {"ws": settings.ws, "portal": settings.portal}
    if settings.sans_login.processes:
        found["sans_login"] = settings.sans_login
    return found


def _port(section: WsSettings | PortalSettings | SansLoginSettings) -> int:
    return section.any_port if isinstance(section, PortalSettings) else section.port


def _reachable(host: str) -> str:
    """Where this machine itself finds a listener of every address."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- an address to compare with
