"""The registration authority as the canals see it: one object an area, built once by the composition root.

Each method hands database, clock and policy of this process to one use case; what it promises stands in ``ports``.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from registration.acteurs.identity import PeerChecker
from registration.authority.acteurs import Acteurs
from registration.authority.annuaire import Annuaire
from registration.authority.area import TOLD_AS_BUSY
from registration.authority.brouillons import Brouillons
from registration.authority.demandes import Demandes
from registration.authority.depots import Depots
from registration.authority.lots import Lots
from registration.authority.produits import Produits
from registration.authority.retraits import Retraits
from registration.authority.revocations import Revocations
from registration.authority.sessions import Sessions
from registration.authority.tableau import Tableaux
from registration.directory.port import Directory
from registration.directory.tables import TablesDirectory
from registration.policy import DEFAULT_POLICY, LotPolicy
from registration.retraits import withdrawing
from registration.revocation.targets import authority_names
from registration.values import (
    Textes,
)
from registration.vocabulary import Plateforme
from runtime.clock import Clock, system_clock
from storage.changes import COUNTS, Changes
from storage.database import Database

_DEAF_SECONDS = 1.0  # between two looks where nothing is heard of the database


class RegistrationAuthority:
    """``AuthorityPort`` of one plateforme. ``chains`` maps an issuing CA to its chain in DER, issuer first.

    ``textes`` are those in force, which every withdrawal accepts.
    """

    def __init__(
        self,
        db: Database,
        *,
        plateforme: Plateforme,
        peers: PeerChecker,
        chains: Mapping[str, tuple[bytes, ...]],
        textes: Textes,
        policy: LotPolicy = DEFAULT_POLICY,
        clock: Clock = system_clock,
        directory: Directory | None = None,
    ) -> None:
        """Keep the parts; nothing is opened here. Without another ``directory`` the tables are searched."""
        self._db = db
        self.plateforme = plateforme
        self.acteurs = Acteurs(db, clock, peers, plateforme)
        self.lots = Lots(db, clock, policy)
        self.demandes = Demandes(db, clock, policy)
        self.brouillons = Brouillons(db, clock)
        self.sessions = Sessions(db, clock, plateforme)
        self.depots = Depots(db, clock, policy, authority_names(chains))
        self.tableau = Tableaux(db, clock)
        self.directory = Annuaire(db, clock, directory or TablesDirectory(db, plateforme))
        self.textes = textes
        self.retraits = Retraits(db, clock, withdrawing.Remise(chains, textes))
        self.produits = Produits(db, clock, chains)
        self.revocations = Revocations(db, clock, policy, authority_names(chains))

    @contextmanager
    def view(self) -> Iterator[None]:
        """See ``AuthorityPort``; ERR_WS_050 like every use case."""
        with TOLD_AS_BUSY, self._db.view():
            yield

    @property
    def reads_at_once(self) -> bool:
        """See ``AuthorityPort``: of a file of this host, whose readers wait for nobody."""
        return self._db.has_one_writer

    def changes(self, stop: threading.Event) -> Changes:
        """See ``storage.changes``."""
        return Changes(self._db.engine, stop, _DEAF_SECONDS, channel=COUNTS)
