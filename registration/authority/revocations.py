"""``RevocationsPort`` and ``RevocationsParCodePort``: revocations, asked for by an acteur or proved by a code."""

from __future__ import annotations

from collections.abc import Iterator

from registration import exports
from registration.authority.area import Area
from registration.demandes.revocations import count_revocations, read_revocation, search_revocations
from registration.lots import revocations
from registration.policy import DEFAULT_PAGE, LotPolicy
from registration.retraits import withdrawing
from registration.revocation.asking import revoke_one
from registration.revocation.by_code import display_names, prove_code, revoke_by_code
from registration.revocation.giving_up import give_up_revocation
from registration.revocation.targets import AuthorityNames, authority_names
from registration.revocation_views import (
    RevocationCriteria,
    RevocationDetail,
    RevocationPage,
    RevocationResult,
    RevocationVerdict,
)
from registration.rules.code_tries import TryPolicy
from registration.rules.proved_revocation import CodeTry, Proof, ProvedCertificat
from registration.values import (
    Acteur,
    Origin,
    RevocationForm,
    RevocationLotForm,
)
from registration.views import (
    LotReceipt,
)
from registration.vocabulary import EtatRevocation, Plateforme
from runtime.clock import Clock
from storage.database import Database


class Revocations(Area):
    """``RevocationsPort`` over the tables."""

    def __init__(self, db: Database, clock: Clock, policy: LotPolicy, names: AuthorityNames) -> None:
        super().__init__(db, clock)
        self._policy, self._names = policy, names

    def revoke(self, origin: Origin, form: RevocationForm) -> RevocationResult:
        """See ``asking.revoke_one``."""
        return self._run(revoke_one, self._entered(origin), form, self._names, self._clock)

    def give_up(self, origin: Origin, numero: int) -> bool:
        """See ``giving_up.give_up_revocation``."""
        return self._run(give_up_revocation, self._entered(origin), numero, self._clock)

    def submit(self, origin: Origin, form: RevocationLotForm) -> LotReceipt:
        """See ``lots.revocations.submit_revocations``."""
        return self._run(
            revocations.submit_revocations, self._entered(origin), form, self._names, self._clock, self._policy
        )

    def verify(self, origin: Origin, form: RevocationLotForm) -> tuple[RevocationVerdict, ...]:
        """See ``lots.revocations.verify_revocations``."""
        return self._run(revocations.verify_revocations, origin, form, self._names, self._clock(), self._policy)

    def list_lot(
        self,
        acteur: Acteur,
        index: int,
        *,
        etat: EtatRevocation | None = None,
        after: int = 0,
        limit: int = DEFAULT_PAGE,
    ) -> RevocationPage:
        """See ``lots.revocations.list_revocations``."""
        return self._run(revocations.list_revocations, acteur, index, etat=etat, after=after, limit=limit)

    def search(
        self, acteur: Acteur, criteria: RevocationCriteria, *, after: int | None = None, limit: int = DEFAULT_PAGE
    ) -> RevocationPage:
        """See ``demandes.revocations.search_revocations``; ERR_IHM_005 for a structure that nobody knows."""
        page = self._run(search_revocations, acteur, criteria, after=after, limit=limit)
        self._told(acteur, criteria.produit.structure, page.revocations)
        return page

    def count(self, acteur: Acteur, criteria: RevocationCriteria) -> int:
        """See ``demandes.revocations.count_revocations``."""
        return self._run(count_revocations, acteur, criteria)

    def export(self, acteur: Acteur, criteria: RevocationCriteria) -> Iterator[bytes]:
        """See ``exports.revocations_csv``."""

        def page(after: int | None = None) -> RevocationPage:
            return self.search(acteur, criteria, after=after, limit=exports.PAGE)

        return exports.revocations_csv(page(), page)

    def read(self, acteur: Acteur, numero: int) -> RevocationDetail:
        """See ``demandes.revocations.read_revocation``."""
        return self._run(read_revocation, acteur, numero)


class RevocationsParCode(Area):
    """``RevocationsParCodePort`` over the tables; apart from the rest, for a process that may reach nothing else."""

    def __init__(
        self, db: Database, clock: Clock, plateforme: Plateforme, chains: withdrawing.Chains, policy: TryPolicy
    ) -> None:
        super().__init__(db, clock)
        self._plateforme, self._policy = plateforme, policy
        self._names = authority_names(chains)
        self.autorites = display_names(chains)

    def prove(self, given: CodeTry) -> ProvedCertificat:
        """See ``by_code.prove_code``."""
        return self._run(prove_code, self._plateforme, given, self._names, self._clock, self._policy)

    def revoke(self, proof: Proof, form: RevocationForm) -> RevocationResult:
        """See ``by_code.revoke_by_code``."""
        return self._run(revoke_by_code, self._plateforme, proof, form, self._clock)
