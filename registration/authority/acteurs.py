"""``ActeursPort``: who acts."""

from __future__ import annotations

from registration.acteurs.droits import read_droits, read_perimetre
from registration.acteurs.identity import PeerChecker
from registration.acteurs.rights import allowed_structures, offres
from registration.acteurs.sujets import identify_subject
from registration.acteurs.tiers import act_for, may_act_for_others
from registration.authority.area import TOLD_AS_BUSY, Area
from registration.policy import DEFAULT_PAGE
from registration.values import (
    Acteur,
    Caller,
    Sujet,
)
from registration.views import (
    DroitPage,
    PerimetrePage,
)
from registration.vocabulary import Offre, Plateforme
from runtime.clock import Clock
from storage.database import Database


class Acteurs(Area):
    """``ActeursPort`` over the tables."""

    def __init__(self, db: Database, clock: Clock, peers: PeerChecker, plateforme: Plateforme) -> None:
        super().__init__(db, clock)
        self._peers, self._plateforme = peers, plateforme

    def identify(self, certificate_der: bytes | None, *, at_once: bool = False) -> Caller:
        """See ``identity.PeerChecker.identify``."""
        with TOLD_AS_BUSY:
            return self._peers.identify(certificate_der, self._clock(), at_once=at_once)

    def identify_subject(self, sujet: Sujet) -> Caller:
        """See ``sujets.identify_subject``."""
        return self._run(identify_subject, self._plateforme, sujet)

    def may_act_for_others(self, acteur: Acteur) -> bool:
        """See ``tiers.may_act_for_others``."""
        return self._run(may_act_for_others, acteur)

    def act_for(self, caller: Caller, id_national: str) -> Caller:
        """See ``tiers.act_for``."""
        return self._run(act_for, caller, id_national)

    def offres(self, acteur: Acteur) -> frozenset[Offre]:
        """See ``rights.offres``."""
        return self._run(offres, acteur)

    def droits(self, acteur: Acteur, *, after: int = 0, limit: int = DEFAULT_PAGE) -> DroitPage:
        """See ``droits.read_droits``."""
        return self._run(read_droits, acteur, after=after, limit=limit)

    def perimetre(
        self, acteur: Acteur, texte: str | None = None, *, after: int = 0, limit: int = DEFAULT_PAGE
    ) -> PerimetrePage:
        """See ``droits.read_perimetre``."""
        return self._run(read_perimetre, acteur, texte, after=after, limit=limit)

    def allowed_structures(self, acteur: Acteur) -> tuple[tuple[str, str, str], ...]:
        """See ``rights.allowed_structures``."""
        return self._run(allowed_structures, acteur)
