"""The sizes by which lots are taken and cut, and the rules for keys: settings of the plateforme."""

from __future__ import annotations

import msgspec

from pki.key_policy import DEFAULT_POLICY as DEFAULT_KEYS
from pki.key_policy import KeyPolicy


class LotPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """``page_size`` items become demandes in one transaction, ``chunk_size`` demandes are signed by one job.

    A lot of at most ``at_once`` items is registered in the deposit's own transaction, like a demande of the portal;
    a larger one is kept as pages and registered by the batch, so that its index comes back at once. ``keys`` says
    which public keys may be certified; keys revoked as compromised are the database's to know.
    """

    max_items: int = 10_000
    page_size: int = 500
    chunk_size: int = 250
    at_once: int = 20
    keys: KeyPolicy = DEFAULT_KEYS

    def __post_init__(self) -> None:
        """Refuse with ValueError sizes under which a lot would never be cut or taken."""
        for name in ("max_items", "page_size", "chunk_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if self.at_once < 0:
            raise ValueError("at_once must not be negative")


DEFAULT_POLICY = LotPolicy()
