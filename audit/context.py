"""What every check is given: the database, the authorities, how far to look, and where to put what it finds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from audit.findings import Finding, Topic
from audit.reading.authorities import Authorities
from storage.database import Database

# Nobody reads more of one kind; the rest is counted, so that a ruined database costs no memory.
_KEPT_PER_TOPIC = 2_000


class Meter(Protocol):
    """Who is told how far the audit is."""

    def start(self, label: str, total: int | None) -> None:
        """A check begins; ``total`` is what it will look at, None when that is not known."""

    def advance(self, count: int = 1) -> None:
        """So much more of it is done."""


class SilentMeter:
    """Tells nobody."""

    def start(self, label: str, total: int | None) -> None:
        """See Meter."""

    def advance(self, count: int = 1) -> None:
        """See Meter."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """What an earlier audit, or a log, said of a line of the trail: the database alone cannot undo it."""

    numero: int
    empreinte: bytes

    def __str__(self) -> str:
        return f"{self.numero}:{self.empreinte.hex()}"


@dataclass
class Report:
    """What was looked at, by label, and what was found."""

    checked: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    found: Counter[Topic] = field(default_factory=Counter)
    anchor: Anchor | None = None

    def add(self, topic: Topic, subject: str, text: str) -> None:
        """Note one fault."""
        self.found[topic] += 1
        if self.found[topic] <= _KEPT_PER_TOPIC:
            self.findings.append(Finding(topic, subject, text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """How far to look: certificates issued ``since``, at most ``sample`` of them by pkilint, OCSP at ``ocsp_url``.

    ``anchor`` is where the audit trail was at an earlier audit.
    """

    since: datetime | None = None
    sample: int | None = None
    ocsp_url: str | None = None
    anchor: Anchor | None = None
    processes: int = 1


@dataclass(frozen=True, kw_only=True)
class Audit:
    """One audit under way."""

    db: Database
    authorities: Authorities
    publication_dir: Path
    crl_refresh: timedelta
    clock: Callable[[], datetime]
    weak_key_files: tuple[Path, ...] = ()
    marks_file: Path | None = None
    scope: Scope = field(default_factory=Scope)
    report: Report = field(default_factory=Report)
    meter: Meter = field(default_factory=SilentMeter)
