"""What a worker holds for its whole life: database, authorities, signing keys, sizes. Built by the composition root."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from batch.past.evidence import Evidence
from batch.past.guard import Guard
from batch.past.marks import FILE_NAME
from pki.authority import Authority
from pki.certificates.profiles import CATEGORY_TEST
from pki.errors import NoIssuerError
from pki.signer import Signer
from registration.policy import DEFAULT_POLICY, LotPolicy
from registration.vocabulary import Plateforme
from runtime.clock import Clock, system_clock
from storage.database import Database
from storage.stored_lists import StoredLists

_JOB_LEASES = 2


@dataclass(frozen=True, slots=True)
class BatchPolicy:
    """How long a worker is believed, after how many tries it is Non traitée, how many tasks are in flight at most.

    ``idle_seconds`` is how often a relay looks into the outbox where the database does not tell it of changes. A
    CRL is published again ``crl_refresh`` after the last one at the latest, and says that it is good for
    ``crl_validity``. Beyond ``crl_full_up_to`` entries a revocation is followed at once by a delta only, and by the
    full list when that is due. A full list is made of the one before it and of what changed; ``crl_rebuild`` after the
    last that was made of every row, and once by each process, of every row. ``crl_issuing_point`` adds
    IssuingDistributionPoint, which is there in any case when
    another key has the same name. Certificates begin, and lists say that they were made, ``backdate`` before they
    are, for relying parties whose clocks are behind. An OCSP responder serves ``ocsp_signer_life`` at most and is
    replaced at half of it, an audit seal ``seal_life``. New lines of the audit trail are sealed every
    ``seal_every``.
    """

    lease_seconds: float = 60.0
    max_attempts: int = 5
    window: int = 8
    idle_seconds: float = 0.05
    crl_refresh: timedelta = timedelta(hours=1)
    crl_validity: timedelta = timedelta(days=3)
    crl_full_up_to: int = 10_000
    crl_rebuild: timedelta = timedelta(hours=24)
    crl_issuing_point: bool = False
    backdate: timedelta = timedelta(minutes=5)
    ocsp_signer_life: timedelta = timedelta(days=30)
    seal_every: timedelta = timedelta(seconds=60)
    seal_life: timedelta = timedelta(days=730)
    lots: LotPolicy = field(default=DEFAULT_POLICY)

    @property
    def job_seconds(self) -> int:
        """After so long a job hangs, and its process ends: its rows were given to another one before."""
        return math.ceil(_JOB_LEASES * self.lease_seconds)


@dataclass(frozen=True, slots=True)
class DelegateFiles:
    """Where delegated keys stand (OCSP responders, audit seals), and the pass phrase they are encrypted with."""

    folder: Path
    passphrase: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """Signers are keyed by the short name of their authority; CRLs are also written to ``publication`` when given.

    With ``responders`` the worker keeps the OCSP responders of its authorities supplied with keys; with ``seals`` it
    signs checkpoints of the audit trail, and keeps marks of it beside that key. ``rebuilt`` are the authorities of
    which it has made a full list of every row.
    """

    db: Database
    worker: str
    authorities: Mapping[str, Authority]
    signers: Mapping[str, Signer]
    publication: Path | None = None
    responders: DelegateFiles | None = None
    seals: DelegateFiles | None = None
    policy: BatchPolicy = field(default_factory=BatchPolicy)
    clock: Clock = system_clock
    rebuilt: set[str] = field(default_factory=set, init=False, repr=False, compare=False)
    lists: StoredLists = field(init=False, repr=False, compare=False)
    guard: Guard = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Reader of the stored lists and guard keep what they have read as long as this context lives."""
        object.__setattr__(self, "lists", StoredLists(self.db, self.authorities))
        evidence = Evidence(self.authorities, self.publication, self.marks)
        object.__setattr__(self, "guard", Guard(self.db, evidence, self.clock))

    @property
    def marks(self) -> Path | None:
        """The file that says how far trail and numbers went; None where nobody seals."""
        return None if self.seals is None else self.seals.folder / FILE_NAME

    @property
    def chains(self) -> Mapping[str, tuple[bytes, ...]]:
        """The chain of each authority in DER, issuer first, by its short name."""
        return {name: authority.chain for name, authority in self.authorities.items()}

    def issuer_of(self, plateforme: Plateforme, product: str) -> Authority:
        """The authority that issues ``product`` on ``plateforme``: of several keys in force, the newest.

        NoIssuerError when there is none whose key is here and that no root has revoked. Reads the lists of the roots.
        """
        test = plateforme is Plateforme.TEST
        now = self.clock()
        revoked = self.lists.revoked_authorities()
        able = [
            authority
            for authority in self.authorities.values()
            if product in authority.products
            and (authority.settings.category == CATEGORY_TEST) is test
            and authority.short_name in self.signers
            and authority.short_name not in revoked
            and authority.not_before <= now < authority.not_after
        ]
        if not able:
            raise NoIssuerError(f"no signer for {product} on {plateforme}")
        # The index lists the keys in the order of their making, which decides between two of the same day.
        return max(reversed(able), key=lambda authority: authority.not_before)
