"""The registration authority as the canals see it: one object, built once by the composition root.

Every method is one use case in its own transaction; every refusal is an ``IgcError``.
"""

from __future__ import annotations

from collections.abc import Mapping

from registration import cancellation, lots, peers, queries, retraits, single
from registration.policy import DEFAULT_POLICY, LotPolicy
from registration.values import Acteur, DemandeForm, LotForm, Origin
from registration.views import (
    CancelResult,
    DemandeDetail,
    DemandePage,
    LotFollowUp,
    LotReceipt,
    Retrait,
    RetraitConditions,
    RetraitPage,
    SearchCriteria,
    Verdict,
)
from registration.vocabulary import EtatDemande, Plateforme
from runtime.clock import Clock, system_clock
from storage.database import Database


class RegistrationAuthority:
    """Use cases of one plateforme. ``chains`` maps an issuing CA to its chain in DER, issuer first."""

    def __init__(
        self,
        db: Database,
        *,
        plateforme: Plateforme,
        peers: peers.PeerChecker,
        chains: Mapping[str, tuple[bytes, ...]],
        policy: LotPolicy = DEFAULT_POLICY,
        clock: Clock = system_clock,
    ) -> None:
        """Keep the parts; nothing is opened here."""
        self._db = db
        self.plateforme = plateforme
        self._peers = peers
        self._chains = chains
        self._policy = policy
        self._clock = clock

    def identify(self, certificate_der: bytes | None) -> Acteur:
        """Who presents this client certificate; AccessError unless it is ours, in force and registered."""
        return self._peers.identify(certificate_der, self._clock())

    def submit_lot(self, origin: Origin, form: LotForm) -> LotReceipt:
        """Keep a lot durably and give its index; see ``lots.submit``."""
        return lots.submit(self._db, origin, form, self._clock(), self._policy)

    def verify_lot(self, origin: Origin, form: LotForm) -> tuple[Verdict, ...]:
        """Every verdict that a deposit would give, nothing stored; see ``lots.verify``."""
        return lots.verify(self._db, origin, form, self._clock(), self._policy)

    def submit_demande(self, origin: Origin, form: DemandeForm) -> int:
        """Place one demande (portal) and give its numero; refused with the first error, nothing stored then."""
        return single.submit(self._db, origin, form, self._clock(), self._policy)

    def follow_lot(self, acteur: Acteur, *, index: int | None = None, reference: str | None = None) -> LotFollowUp:
        """Progress of a lot by its index or the sender's reference; NotFoundError when nothing of it is visible."""
        return queries.follow_lot(self._db, acteur, index=index, reference=reference)

    def list_lot(
        self, acteur: Acteur, index: int, *, etat: EtatDemande | None = None, after: int = 0, limit: int = 100
    ) -> DemandePage:
        """The demandes of a lot that the acteur may follow, by position."""
        return queries.list_lot(self._db, acteur, index, self._clock(), etat=etat, after=after, limit=limit)

    def search(
        self, acteur: Acteur, criteria: SearchCriteria, *, after: int | None = None, limit: int = 100
    ) -> DemandePage:
        """Demandes of both canals that the acteur may follow, newest first; ERR_IHM_025 when too wide."""
        return queries.search(self._db, acteur, criteria, self._clock(), after=after, limit=limit)

    def count(self, acteur: Acteur, criteria: SearchCriteria) -> int:
        """How many demandes ``search`` would give in all."""
        return queries.count(self._db, acteur, criteria)

    def read_demande(self, acteur: Acteur, numero: int) -> DemandeDetail:
        """One demande with its history; NotFoundError when not visible."""
        return queries.read_demande(self._db, acteur, numero, self._clock())

    def withdraw_demande(self, origin: Origin, numero: int, conditions: RetraitConditions) -> Retrait:
        """Withdraw one certificate; the same call gives the same answer again."""
        return retraits.withdraw_demande(self._db, self._chains, origin, numero, conditions, self._clock())

    def withdraw_lot_page(
        self, origin: Origin, index: int, conditions: RetraitConditions, *, after: int = 0, limit: int = 100
    ) -> RetraitPage:
        """Withdraw a page of a lot, by position; the same call gives the same answer again."""
        return retraits.withdraw_lot_page(
            self._db, self._chains, origin, index, conditions, self._clock(), after=after, limit=limit
        )

    def cancel_demande(self, origin: Origin, numero: int) -> CancelResult:
        """Cancel one demande before its withdrawal; a signed certificate is revoked."""
        return cancellation.cancel_demande(self._db, origin, numero, self._clock())

    def cancel_lot(self, origin: Origin, index: int) -> CancelResult:
        """Cancel what can still be cancelled of a lot."""
        return cancellation.cancel_lot(self._db, origin, index, self._clock())

    def allowed_structures(self, acteur: Acteur) -> tuple[tuple[str, str, str], ...]:
        """(offre, id of the structure, raison sociale) for each explicit habilitation, for the forms of the portal."""
        return queries.allowed_structures(self._db, acteur)
