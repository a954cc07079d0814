"""What a worker holds for its whole life: database, authorities, signing keys, sizes. Built by the composition root."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from batch.revoked_authorities import revoked_authorities
from pki.authority import Authority
from pki.profiles import CATEGORY_TEST
from pki.signers.port import Signer
from registration.policy import DEFAULT_POLICY, LotPolicy
from registration.vocabulary import Plateforme
from runtime.clock import Clock, system_clock
from storage.database import Database


@dataclass(frozen=True, slots=True)
class BatchPolicy:
    """How long a worker is believed, after how many tries it is Non traitée, how many tasks are in flight at most.

    ``idle_seconds`` is how often an idle relay looks into the outbox. A CRL is published again ``crl_refresh`` after
    the last one at the latest, and says that it is good for ``crl_validity``. Beyond ``crl_full_up_to`` entries a
    revocation is followed at once by a delta only, and by the full list when that is due. ``crl_issuing_point`` adds
    IssuingDistributionPoint, which is there in any case when another key has the same name. An OCSP responder serves
    ``ocsp_signer_life`` at most and is replaced at half of it, an audit seal ``seal_life``. New lines of the audit
    trail are sealed every ``seal_every``.
    """

    lease_seconds: float = 60.0
    max_attempts: int = 5
    window: int = 8
    idle_seconds: float = 0.05
    crl_refresh: timedelta = timedelta(hours=1)
    crl_validity: timedelta = timedelta(days=3)
    crl_full_up_to: int = 10_000
    crl_issuing_point: bool = False
    ocsp_signer_life: timedelta = timedelta(days=30)
    seal_every: timedelta = timedelta(seconds=60)
    seal_life: timedelta = timedelta(days=730)
    lots: LotPolicy = field(default=DEFAULT_POLICY)


@dataclass(frozen=True, slots=True)
class DelegateFiles:
    """Where delegated keys stand (OCSP responders, audit seals), and the pass phrase they are encrypted with."""

    folder: Path
    passphrase: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """Signers are keyed by the short name of their authority; CRLs are also written to ``publication`` when given.

    With ``responders`` the worker keeps the OCSP responders of its authorities supplied with keys; with ``seals`` it
    signs checkpoints of the audit trail.
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

    def issuer_of(self, plateforme: Plateforme, product: str) -> Authority:
        """The authority that issues ``product`` on ``plateforme``: of several keys in force, the newest.

        LookupError when there is none whose key is here and that no root has revoked. Reads the lists of the roots.
        """
        test = plateforme is Plateforme.TEST
        now = self.clock()
        revoked = revoked_authorities(self.db, self.authorities)
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
            raise LookupError(f"no signer for {product} on {plateforme}")
        # The index lists the keys in the order of their making, which decides between two of the same day.
        return max(reversed(able), key=lambda authority: authority.not_before)
