"""The sizes by which lots are taken and cut, and the rules for keys: settings of the plateforme."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
from msgspec.structs import replace

from pki.keys.key_policy import DEFAULT_POLICY as DEFAULT_KEYS
from pki.keys.key_policy import KeyPolicy
from registration.values import Acteur, DemandeForm


class Completion(Protocol):
    """Asks a directory elsewhere for what the tables do not know (registration/directory/completing.py)."""

    def complete(self, acteur: Acteur, forms: Sequence[DemandeForm], now: datetime) -> bool:
        """Whether it could be asked for all that it would know; to be called outside of every transaction."""


class LotPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """At most ``page_size`` items become demandes in one transaction, at most ``chunk_size`` are signed by one job.

    The first page of a lot holds ``first_page`` items, so that the first signature comes soon (``rules/cutting``).

    A lot of at most ``at_once`` items is registered in the deposit's own transaction, like a demande of the portal;
    a larger one is kept as pages and registered by the batch, so that its index comes back at once. ``keys`` says
    which public keys may be certified; keys revoked as compromised are the database's to know. ``ps_upn_domains`` are
    patterns of the domains in which offre PS may have a UPN: none unless an operator names them. ``completion`` is
    there when the directory is elsewhere. A certificate may be renewed from ``renewal_window`` before its end on;
    ``issuers`` are the short names of the authorities meant by a name (``rules/issuers``).
    A certificate may be withdrawn for ``delai_retrait`` (guide §8.7); one that
    waits since before there was a limit, for ``grace_retrait`` more at least.
    """

    max_items: int = 10_000
    page_size: int = 500
    first_page: int = 60
    chunk_size: int = 250
    at_once: int = 20
    keys: KeyPolicy = DEFAULT_KEYS
    ps_upn_domains: tuple[str, ...] = ()
    completion: Completion | None = None
    renewal_window: timedelta = timedelta(days=30)
    # A plain one: policies are handed to other processes.
    issuers: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    delai_retrait: timedelta = timedelta(days=10)
    grace_retrait: timedelta = timedelta(days=10)

    def for_items(self, count: int) -> LotPolicy:
        """The policy under which so many items are judged.

        Whether a modulus is a prime costs half a signature of RSA-4096: of a large lot the batch asks it of what it has
        certified, when nothing waits (``revocation/weak_keys``).
        """
        return self if count <= self.at_once else replace(self, keys=dataclasses.replace(self.keys, primality=False))

    def complete(self, acteur: Acteur, forms: Sequence[DemandeForm], now: datetime) -> bool:
        """See ``Completion``; True where the tables are all that there is."""
        return self.completion is None or self.completion.complete(acteur, forms, now)

    def __post_init__(self) -> None:
        """Refuse with ValueError sizes under which a lot would never be cut or taken."""
        for name in ("max_items", "page_size", "first_page", "chunk_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        if self.at_once < 0:
            raise ValueError("at_once must not be negative")


DEFAULT_POLICY = LotPolicy()

DEFAULT_PAGE = 50
"""How many items a page holds when nobody says otherwise: some stacks take no answer above 64 KiB by default."""
