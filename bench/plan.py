"""What a run measures, and how much of it: one place for every size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Part(StrEnum):
    """What may be measured by itself."""

    KEYS = "keys"
    STATUS = "status"
    REVOCATIONS = "revocations"
    NOTICES = "notices"
    RSA2048 = "rsa2048"
    EMBEDDED = "embedded"
    PRODUCTION = "production"
    DIRECTORY = "directory"
    SEARCHES = "searches"
    CAMPAIGN = "campaign"
    NAMESPACES = "namespaces"


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of the measures on one plateforme: items of a lot, single requests of a round, rounds, seconds of a window."""

    items: int
    singles: int
    rounds: int
    window: float

    @property
    def requests(self) -> int:
        """Certificate requests that all measures together take, each once."""
        return self.rounds * (self.items + self.singles + self.singles // 2) + self.items + self.mixed_singles

    @property
    def mixed_singles(self) -> int:
        """Single requests beside a large lot, at the most."""
        return self.items // 10


@dataclass(frozen=True, slots=True)
class Campaign:
    """Lots of a campaign, and the items of each."""

    lots: int
    items: int


ALL_HERE = frozenset(Part) - {Part.NAMESPACES}
"""What needs neither root nor packages of the system."""
WHOLE_CAMPAIGN = Campaign(10, 10_000)


@dataclass(frozen=True, slots=True)
class Plan:
    """One run. ``workers`` are tried one after the other on each set, beside the number that is the default."""

    items: int
    work: Path
    results: Path
    workers: Sequence[int]
    default_workers: int
    rounds: int = 3
    audited: int = 100
    profile: bool = False
    parts: frozenset[Part] = frozenset(ALL_HERE)
    whole_campaign: bool = False

    @property
    def full(self) -> Sizes:
        """For the default number of workers on the default set."""
        return Sizes(self.items, max(40, self.items // 50), self.rounds, 1.5)

    @property
    def short(self) -> Sizes:
        """For the others, enough to see an order."""
        return Sizes(max(100, self.items // 8), max(40, self.items // 200), self.rounds, 0.8)

    @property
    def requests(self) -> int:
        """How many certificate requests the largest plateforme needs."""
        campaign = self.campaign.lots * self.campaign.items if Part.CAMPAIGN in self.parts else 0
        return max(self.full.requests, self.short.requests, campaign)

    @property
    def campaign(self) -> Campaign:
        """Ten lots of ten thousand when asked for, else enough to see that it works."""
        return WHOLE_CAMPAIGN if self.whole_campaign else Campaign(3, self.short.items)
