"""What is agreed with Pro Santé Connect, and what goes wrong there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runtime.secret_file import SecretFile

ALGORITHMS = ("RS256", "PS256", "ES256")
"""With which tokens may be signed: what the issuer's published keys check, never ``none`` and never a shared secret."""
LEVELS = ("eidas1", "eidas2", "eidas3")
"""Levels of authentication, the weakest first."""


class PscError(Exception):
    """Somebody cannot be logged in, or out: ``reason`` is one constant word or some, for the log alone."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class PscAwayError(PscError):
    """Pro Santé Connect does not answer, or not as it should: it is not this person's fault, trying again may help."""


@dataclass(frozen=True, slots=True)
class PscConfig:
    """The client that this plateforme is to the issuer.

    ``skew`` is how many seconds its clock and ours may differ, ``timeout`` how many one answer may take. ``discovery``
    is where it describes itself, by default at the usual place. Its TLS certificate is checked against ``ca_file``, or
    the authorities of the system.
    """

    issuer: str
    client_id: str
    client_secret: SecretFile
    scopes: tuple[str, ...] = ("openid", "scope_all")
    acr: str = "eidas1"
    discovery: str | None = None
    ca_file: Path | None = None
    skew: int = 30
    timeout: float = 5.0

    @property
    def discovery_url(self) -> str:
        """OpenID Connect Discovery 1.0 §4."""
        return self.discovery or self.issuer.rstrip("/") + "/.well-known/openid-configuration"
